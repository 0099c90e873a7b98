"""Patients, devices, the links between them, alarm limits: REST and gRPC, changes on registry.changes."""
