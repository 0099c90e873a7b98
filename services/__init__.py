"""The ten services: one package each; they meet through topics and gRPC only."""
