"""A seeded world of customers and merchants, fraud in it, and a producer that sends it."""
