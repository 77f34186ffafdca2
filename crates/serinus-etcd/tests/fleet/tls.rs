//! Certificates, of etcd and of those who call it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serinus_etcd::{Certificate, Etcd, FleetError, Identity, TlsOptions};

use crate::cluster::{Cluster, quick};
use crate::fleet::{assert_follows, eventually};

/// A certificate that vouches for itself, and its key.
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

impl Pair {
    fn make(directory: &Path, name: &str) -> Self {
        let (certificate, key) = (directory.join(format!("{name}.pem")), directory.join(format!("{name}-key.pem")));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", &format!("/CN={name}")])
            .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout".as_ref(), key.as_os_str(), "-out".as_ref(), certificate.as_os_str()])
            .output()
            .expect("no program openssl: apt-get install openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self { certificate, key }
    }

    fn authority(&self) -> Certificate {
        Certificate::from_pem(std::fs::read(&self.certificate).unwrap())
    }

    fn identity(&self) -> Identity {
        Identity::from_pem(std::fs::read(&self.certificate).unwrap(), std::fs::read(&self.key).unwrap())
    }
}

/// An etcd with this certificate.
fn cluster(server: &Pair, more: &[&str]) -> Cluster {
    let (certificate, key) = (server.certificate.to_str().unwrap(), server.key.to_str().unwrap());
    let options = [&["--cert-file", certificate, "--key-file", key], more].concat();
    Cluster::launch(1, "https", &options.into_iter().map(str::to_owned).collect::<Vec<_>>())
}

fn connect(cluster: &Cluster, tls: TlsOptions) -> Result<Etcd, FleetError> {
    quick(Etcd::builder(cluster.endpoints())).tls(tls).connect("chat")
}

#[test]
fn the_certificate_must_be_known() {
    let directory = tempfile::tempdir().unwrap();
    let server = Pair::make(directory.path(), "etcd");
    let cluster = cluster(&server, &[]);
    let known = || TlsOptions::new().ca_certificate(server.authority());
    eventually("it answers who knows its certificate", || connect(&cluster, known()).is_ok());
    let unknown = connect(&cluster, TlsOptions::new()).unwrap_err();
    assert!(matches!(unknown, FleetError::Unreachable { .. }), "who does not know it gets no answer: {unknown}");
}

#[test]
fn where_etcd_asks_for_certificates_a_fleet_shows_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let [server, ours, strange] = ["etcd", "serinus", "stranger"].map(|name| Pair::make(directory.path(), name));
    let known = ours.certificate.to_str().unwrap();
    let cluster = cluster(&server, &["--client-cert-auth", "--trusted-ca-file", known]);
    let nobody = || TlsOptions::new().ca_certificate(server.authority());
    eventually("it answers who shows a certificate", || connect(&cluster, nobody().identity(ours.identity())).is_ok());
    for refused in [nobody(), nobody().identity(strange.identity())] {
        let refused = connect(&cluster, refused).unwrap_err();
        assert!(matches!(refused, FleetError::Unreachable { .. }), "{refused}");
    }

    let etcd = connect(&cluster, nobody().identity(ours.identity())).unwrap();
    assert_follows(&etcd);
}
