"""What ``checkwire doctor`` looks at: one file per part of the machine, each with its findings."""
