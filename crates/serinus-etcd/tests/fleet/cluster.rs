//! A real etcd, started for one test in a directory of its own.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use etcd_client::{Client, Compare, CompareOp, Txn};
use serinus_etcd::{Etcd, EtcdBuilder};
use tempfile::TempDir;

/// One or three members. They end with the test.
pub(crate) struct Cluster {
    members: Vec<Member>,
    data: TempDir,
}

struct Member {
    arguments: Vec<String>,
    client: String,
    process: Option<Child>,
}

impl Cluster {
    pub(crate) fn start(members: usize) -> Self {
        let cluster = Self::launch(members, "http", &[]);
        cluster.await_ready();
        cluster
    }

    /// Members with more options, which may not be ready yet.
    pub(crate) fn launch(members: usize, scheme: &str, more: &[String]) -> Self {
        let data = directory();
        let ports: Vec<_> = (0..members).map(|_| (free_port(), free_port())).collect();
        let peers: Vec<_> =
            ports.iter().enumerate().map(|(n, (_, peer))| format!("m{n}=http://127.0.0.1:{peer}")).collect();
        let member = |(n, (client, peer)): (usize, &(u16, u16))| {
            let (client, peer) = (format!("{scheme}://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
            let directory = data.path().join(format!("m{n}"));
            let options = [
                ("--name", format!("m{n}")),
                ("--data-dir", directory.display().to_string()),
                ("--listen-client-urls", client.clone()),
                ("--advertise-client-urls", client.clone()),
                ("--listen-peer-urls", peer.clone()),
                ("--initial-advertise-peer-urls", peer),
                ("--initial-cluster", peers.join(",")),
                ("--log-level", "error".to_owned()),
            ];
            let options = options.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
            let arguments = options.chain(more.iter().cloned()).collect();
            Member { arguments, client, process: None }
        };
        let members = ports.iter().enumerate().map(member).collect();
        let mut cluster = Self { members, data };
        (0..cluster.members.len()).for_each(|n| cluster.restart(n));
        cluster
    }

    pub(crate) fn endpoints(&self) -> Vec<String> {
        self.members.iter().map(|member| member.client.clone()).collect()
    }

    /// A connection for the model of these tests, with short times.
    pub(crate) fn connect(&self) -> Etcd {
        quick(Etcd::builder(self.endpoints())).connect("chat").expect("etcd answers")
    }

    /// A connection with the usual times, for tests in which the controller is not to lose its lead.
    pub(crate) fn connect_patiently(&self) -> Etcd {
        Etcd::builder(self.endpoints()).connect("chat").expect("etcd answers")
    }

    /// As `kill -9`.
    pub(crate) fn kill(&mut self, member: usize) {
        if let Some(mut process) = self.members[member].process.take() {
            process.kill().expect("it was there");
            process.wait().expect("it has ended");
        }
    }

    pub(crate) fn restart(&mut self, member: usize) {
        let member = &mut self.members[member];
        let started = Command::new("etcd").args(&member.arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = started.expect("no program etcd: apt-get install etcd-server");
        member.process = Some(process);
    }

    /// Takes a member's data away; it must not run.
    pub(crate) fn wipe(&self, member: usize) {
        std::fs::remove_dir_all(self.data.path().join(format!("m{member}"))).expect("its data");
    }

    pub(crate) fn await_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while Etcd::builder(self.endpoints()).connect("probe").is_err() {
            assert!(Instant::now() < deadline, "etcd does not answer");
        }
    }

    /// Forgets all revisions but the latest.
    pub(crate) fn compact(&self) {
        self.bare(|mut client| async move {
            let latest = client.get("x", None).await?.header().map_or(0, etcd_client::ResponseHeader::revision);
            client.compact(latest, None).await
        });
    }

    pub(crate) fn put(&self, key: &str, value: &str) {
        self.bare(|mut client| async move { client.put(key, value, None).await });
    }

    /// Takes a key away behind everybody's back.
    pub(crate) fn delete(&self, key: &str) {
        let exists = Compare::create_revision(key, CompareOp::Greater, 0);
        let deleted = self.bare(|mut client| async move {
            client.txn(Txn::new().when([exists]).and_then([etcd_client::TxnOp::delete(key, None)])).await
        });
        assert!(deleted.succeeded(), "{key} was there");
    }

    /// A call of the plain client.
    pub(crate) fn bare<T, F: Future<Output = Result<T, etcd_client::Error>>>(
        &self,
        call: impl FnOnce(Client) -> F,
    ) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async { call(Client::connect(self.endpoints(), None).await?).await }).expect("etcd answers")
    }
}

/// Times that suit a test.
pub(crate) fn quick(etcd: EtcdBuilder) -> EtcdBuilder {
    etcd.ttl(Duration::from_secs(2))
}

impl Drop for Cluster {
    fn drop(&mut self) {
        (0..self.members.len()).for_each(|n| self.kill(n));
    }
}

/// In memory, where there is such a directory: a busy disk makes etcd lose leases that a test is to keep.
fn directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| TempDir::new()).expect("a directory for etcd")
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}
