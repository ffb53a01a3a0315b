//! The scenario file: parsed, checked, resolved.
