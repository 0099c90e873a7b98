"""PostgreSQL and Redis as the services use them."""
