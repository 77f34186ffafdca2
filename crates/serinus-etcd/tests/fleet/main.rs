//! A fleet on a real etcd, which these tests start: `apt-get install etcd-server`.

mod cluster;
mod evidence;
mod fleet;
mod following;
mod leading;
mod rollout;
mod security;
#[cfg(feature = "tls")]
mod tls;
mod wire;
