//! Brings up Redis topologies declared in YAML.
