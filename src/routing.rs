//! Routers: which group a request is sent to.
//!
//! A [`Router`] sees what the real one would: how many requests it sent where and which of them ended, and, for policies that
//! read metrics, what each group said when it was last scraped ([`Scraped`]), which is stale by up to the scrape interval.
//! It never looks into an engine. One policy a file; [`RouterConfig::resolve`] fills what the scenario leaves out.

mod args;
mod config;
mod inference_gateway;
mod least_kv;
mod least_requests;
mod prefix_affinity;
mod prefix_index;
mod round_robin;
mod router;
mod service;
mod view;

pub use args::{RouterArgs, RouterForm, RouterName};
pub use config::{GatewayConfig, RouterConfig};
pub use router::Router;
pub use view::{GroupView, Scraped};
