//! How long a batch keeps each stage busy.
