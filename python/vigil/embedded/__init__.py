"""Real servers for one box: PostgreSQL and Redis out of their wheels, Apache Kafka from its jars.

Each keeps its data, its port and its password in one directory between runs (`server.py` says how).
"""
