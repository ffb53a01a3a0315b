//! Transformer architecture, precision, parallel layout; weight and KV bytes.
