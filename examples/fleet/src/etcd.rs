//! One etcd in a directory of its own.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serinus_etcd::Etcd;

pub(crate) struct Server {
    pub(crate) endpoint: String,
    arguments: Vec<String>,
    process: Option<Child>,
}

impl Server {
    pub(crate) fn start(directory: &Path) -> Result<Self> {
        let port = || -> Result<u16> { Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port()) };
        let (endpoint, peer) = (format!("http://127.0.0.1:{}", port()?), format!("http://127.0.0.1:{}", port()?));
        let options = [
            ("--data-dir", directory.join("etcd").display().to_string()),
            ("--listen-client-urls", endpoint.clone()),
            ("--advertise-client-urls", endpoint.clone()),
            ("--listen-peer-urls", peer.clone()),
            ("--initial-advertise-peer-urls", peer.clone()),
            ("--initial-cluster", format!("default={peer}")),
            ("--log-level", "error".to_owned()),
        ];
        let arguments = options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect();
        let mut server = Self { endpoint, arguments, process: None };
        server.restart()?;
        let deadline = Instant::now() + Duration::from_secs(10);
        while Etcd::builder([&server.endpoint]).connect("probe").is_err() {
            if Instant::now() > deadline {
                bail!("etcd does not answer");
            }
        }
        Ok(server)
    }

    pub(crate) fn restart(&mut self) -> Result<()> {
        let mut etcd = Command::new("etcd");
        etcd.args(&self.arguments).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(etcd.spawn().context("no program etcd: apt-get install etcd-server")?);
        Ok(())
    }

    #[allow(dead_code)] // Of the two programs, one measures it and the other kills it.
    pub(crate) fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    pub(crate) fn kill(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.kill();
    }
}
