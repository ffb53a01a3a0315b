//! Accumulators of what a run produced.
