//! Routers over their own view of the groups.

mod args;

pub use args::{RouterArgs, RouterForm, RouterName};
