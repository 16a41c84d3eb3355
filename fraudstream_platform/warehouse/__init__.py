"""The warehouse: how dbt reads the lake's Delta tables, how it is run, and its documentation."""
