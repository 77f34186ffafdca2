//! Safe live model updates for LLM inference servers.
