-- What the owner of a Snowflake account does once for FraudStream: docs/snowflake.md explains it.
-- Run as ACCOUNTADMIN, or statement by statement as the owners of what they are about. Repeating it
-- changes nothing.

create warehouse if not exists STREAMING_WH
    warehouse_size = 'XSMALL' auto_suspend = 60 auto_resume = true initially_suspended = true
    statement_timeout_in_seconds = 3600;
create database if not exists FINANCIAL_DATA;
create schema if not exists FINANCIAL_DATA.BRONZE with managed access;
create schema if not exists FINANCIAL_DATA.SILVER with managed access;
create schema if not exists FINANCIAL_DATA.GOLD with managed access;
create schema if not exists FINANCIAL_DATA.LABELS with managed access;
create schema if not exists FINANCIAL_DATA.LOADS with managed access;
create schema if not exists FINANCIAL_DATA.STAGING with managed access;
create schema if not exists FINANCIAL_DATA.INTERMEDIATE with managed access;
create schema if not exists FINANCIAL_DATA.MARTS with managed access;
create schema if not exists FINANCIAL_DATA.GOVERNANCE with managed access;

-- Three roles. None can do what another is for; a fourth, for the few who may see tokens,
-- comes with the masks (snowflake_masks.sql).
create role if not exists FRAUDSTREAM_LOADER;
create role if not exists FRAUDSTREAM_TRANSFORMER;
create role if not exists FRAUDSTREAM_READER;
grant role FRAUDSTREAM_LOADER to role SYSADMIN;
grant role FRAUDSTREAM_TRANSFORMER to role SYSADMIN;
grant role FRAUDSTREAM_READER to role SYSADMIN;

-- Loader: fills the lake's tables, which it owns, and keeps its ledger. It reads nothing else.
grant usage on warehouse STREAMING_WH to role FRAUDSTREAM_LOADER;
grant usage on database FINANCIAL_DATA to role FRAUDSTREAM_LOADER;
grant usage, create table on schema FINANCIAL_DATA.BRONZE to role FRAUDSTREAM_LOADER;
grant usage, create table on schema FINANCIAL_DATA.SILVER to role FRAUDSTREAM_LOADER;
grant usage, create table on schema FINANCIAL_DATA.GOLD to role FRAUDSTREAM_LOADER;
grant usage, create table on schema FINANCIAL_DATA.LABELS to role FRAUDSTREAM_LOADER;
grant usage, create table on schema FINANCIAL_DATA.LOADS to role FRAUDSTREAM_LOADER;
grant create stage on schema FINANCIAL_DATA.LOADS to role FRAUDSTREAM_LOADER;

-- Transformer: dbt. It makes tables and views in its own three schemas; what it may read comes with the
-- masks.
grant usage on warehouse STREAMING_WH to role FRAUDSTREAM_TRANSFORMER;
grant usage on database FINANCIAL_DATA to role FRAUDSTREAM_TRANSFORMER;
grant usage on schema FINANCIAL_DATA.SILVER to role FRAUDSTREAM_TRANSFORMER;
grant usage on schema FINANCIAL_DATA.GOLD to role FRAUDSTREAM_TRANSFORMER;
grant usage on schema FINANCIAL_DATA.LABELS to role FRAUDSTREAM_TRANSFORMER;
grant usage, create table, create view on schema FINANCIAL_DATA.STAGING to role FRAUDSTREAM_TRANSFORMER;
grant usage, create table, create view on schema FINANCIAL_DATA.INTERMEDIATE to role FRAUDSTREAM_TRANSFORMER;
grant usage, create table, create view on schema FINANCIAL_DATA.MARTS to role FRAUDSTREAM_TRANSFORMER;

-- Reader: marts, and nothing but marts.
grant usage on warehouse STREAMING_WH to role FRAUDSTREAM_READER;
grant usage on database FINANCIAL_DATA to role FRAUDSTREAM_READER;
grant usage on schema FINANCIAL_DATA.MARTS to role FRAUDSTREAM_READER;
grant select on all tables in schema FINANCIAL_DATA.MARTS to role FRAUDSTREAM_READER;
grant select on future tables in schema FINANCIAL_DATA.MARTS to role FRAUDSTREAM_READER;

-- The service: a user that can log in with its key and in no other way. Put its public key here.
create user if not exists FRAUDSTREAM
    type = service
    default_role = FRAUDSTREAM_LOADER default_warehouse = STREAMING_WH
    comment = 'FraudStream: loads the lake and builds the marts';
grant role FRAUDSTREAM_LOADER to user FRAUDSTREAM;
grant role FRAUDSTREAM_TRANSFORMER to user FRAUDSTREAM;
