"""The server: plans, runs, stores, decides, tells; and serves the API and the pages."""
