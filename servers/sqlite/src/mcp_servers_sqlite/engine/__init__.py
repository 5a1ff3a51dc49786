"""What runs inside a worker process: standard library and the shared guard only, never the SDK."""
