//! GPUs, machines and the fabric between them.
