//! A wire between one process and etcd that can be cut: what a partition, or a process that is frozen, looks like from outside.
//! Or it carries what is asked, and no answer.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serinus_etcd::Etcd;

use crate::cluster::{Cluster, quick};

pub(crate) struct Wire {
    port: u16,
    is_cut: Arc<AtomicBool>,
    is_deaf: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    pub(crate) fn to(cluster: &Cluster) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let target = cluster.endpoints()[0].trim_start_matches("http://").to_owned();
        let [is_cut, is_deaf] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let open = Arc::new(Mutex::new(Vec::new()));
        let wire = Self { port, is_cut: Arc::clone(&is_cut), is_deaf: Arc::clone(&is_deaf), open: Arc::clone(&open) };
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(&target) else { continue };
                let never = Arc::new(AtomicBool::new(false));
                for (from, to, is_lost) in [(&near, &far, &never), (&far, &near, &is_deaf)] {
                    let (from, to) = (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
                    open.lock().expect("no panic").push(from.try_clone().expect("a handle"));
                    let is_lost = Arc::clone(is_lost);
                    thread::spawn(move || carry(from, to, &is_lost));
                }
            }
        });
        wire
    }

    pub(crate) fn connect(&self) -> Etcd {
        quick(Etcd::builder([format!("http://127.0.0.1:{}", self.port)])).connect("chat").expect("etcd answers")
    }

    pub(crate) fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        self.hang_up();
    }

    /// What is asked arrives; no answer comes back.
    pub(crate) fn deafen(&self) {
        self.is_deaf.store(true, Ordering::SeqCst);
    }

    pub(crate) fn mend(&self) {
        if self.is_deaf.swap(false, Ordering::SeqCst) {
            self.hang_up(); // these have lost a part
        }
        self.is_cut.store(false, Ordering::SeqCst);
    }

    fn hang_up(&self) {
        for stream in self.open.lock().expect("no panic").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, is_lost: &AtomicBool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        if !is_lost.load(Ordering::SeqCst) && to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
