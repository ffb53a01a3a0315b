//! Routers over their own view of the groups.
