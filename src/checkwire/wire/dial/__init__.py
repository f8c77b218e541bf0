"""From a URL to a byte pipe: names, addresses, proxies, TLS. Each phase is timed by itself."""
