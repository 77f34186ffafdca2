//! An OpenAI-compatible server that does what a test tells it to.
#![allow(dead_code, unreachable_pub)] // Each test binary uses its own part.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What the server does with a request.
#[derive(Clone)]
pub enum Reply {
    /// A completion of this text.
    Says(String),
    /// A status with headers and a body.
    Status(u16, Vec<(&'static str, String)>, String),
    /// A completion whose body stops in the middle.
    Stall,
    /// Closes the connection without a word.
    HangUp,
    /// A body that never ends.
    Flood,
    /// The same, but later.
    After(Duration, Box<Reply>),
}

impl Reply {
    pub fn score(score: i64) -> Self {
        Self::Says(json!({"score": score}).to_string())
    }

    pub fn better(better: &str) -> Self {
        Self::Says(json!({"better": better}).to_string())
    }

    pub fn status(status: u16) -> Self {
        Self::Status(status, Vec::new(), json!({"error": {"message": "no", "code": null}}).to_string())
    }
}

/// What a client asked.
#[derive(Clone)]
pub struct Asked {
    pub head: String,
    pub body: Value,
    pub at: Instant,
}

impl Asked {
    pub fn system(&self) -> &str {
        self.body["messages"][0]["content"].as_str().unwrap()
    }

    pub fn user(&self) -> &str {
        self.body["messages"][1]["content"].as_str().unwrap()
    }
}

type Behaviour = dyn Fn(&Asked, usize) -> Reply + Send + Sync;

pub struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// Answers as the function says, which is told how many requests came before.
    pub fn start(behaviour: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let behaviour: Arc<Behaviour> = Arc::new(behaviour);
        let (log, stopped) = (Arc::clone(&asked), Arc::clone(&stop));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let (behaviour, log, stopped) = (Arc::clone(&behaviour), Arc::clone(&log), Arc::clone(&stopped));
                // A client that goes away in the middle is no failure of the server.
                thread::spawn(move || serve(stream, &*behaviour, &log, &stopped));
            }
        });
        Self { address, asked, stop }
    }

    /// Gives these replies in turn, and the last one from then on.
    pub fn script(replies: Vec<Reply>) -> Self {
        Self::start(move |_, number| replies[number.min(replies.len() - 1)].clone())
    }

    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: TcpStream, behaviour: &Behaviour, log: &Mutex<Vec<Asked>>, stopped: &AtomicBool) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let asked = Asked { head, body: serde_json::from_slice(&body).unwrap_or_default(), at: Instant::now() };
    let number = {
        let mut log = log.lock().unwrap();
        log.push(asked.clone());
        log.len() - 1
    };
    let mut reply = behaviour(&asked, number);
    while let Reply::After(delay, then) = reply {
        thread::sleep(delay);
        reply = *then;
    }
    let mut stream = reader.into_inner();
    match reply {
        Reply::Says(text) => {
            let body = json!({
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "model": asked.body["model"],
                "choices": [{
                    "index": 0,
                    "message": {"role": "assistant", "content": text},
                    "finish_reason": "stop",
                }],
                "usage": {"prompt_tokens": 200, "completion_tokens": 10, "total_tokens": 210},
            });
            respond(&mut stream, 200, &[], &body.to_string())
        }
        Reply::Status(status, headers, body) => respond(&mut stream, status, &headers, &body),
        Reply::Stall => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"choices\"").ok()?;
            while !stopped.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(5));
            }
            Some(())
        }
        Reply::Flood => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").ok()?;
            while !stopped.load(Ordering::SeqCst) {
                stream.write_all(&[b' '; 4_096]).ok()?;
            }
            Some(())
        }
        Reply::HangUp | Reply::After(..) => None,
    }
}

fn respond(stream: &mut TcpStream, status: u16, headers: &[(&str, String)], body: &str) -> Option<()> {
    let length = body.len();
    let mut head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()
}
