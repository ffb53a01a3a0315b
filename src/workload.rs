//! Arrivals, lengths, prefixes, traces and client behaviour.
