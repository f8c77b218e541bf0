"""The engine for JavaScript and TypeScript: a Node process per attempt, and what it loads first."""
