"""Clients of the services' public edges, for the command line and the simulator."""
