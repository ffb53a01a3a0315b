//! vLLM as a pure state machine.
