//! A proxy that counts what passes: the bytes that a client got, TLS and all.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A proxy on loopback.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    received: Arc<AtomicU64>,
    connections: Arc<AtomicU64>,
}

impl Proxy {
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let proxy = Self {
            port: listener.local_addr().expect("a bound listener has an address").port(),
            received: Arc::default(),
            connections: Arc::default(),
        };
        let (received, connections) = (Arc::clone(&proxy.received), Arc::clone(&proxy.connections));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
                connections.fetch_add(1, Ordering::Relaxed);
                pass(client, server, Arc::clone(&received));
            }
        });
        proxy
    }

    /// Bytes that clients got, and connections that they opened, since the last time.
    pub(crate) fn take(&self) -> (u64, u64) {
        (self.received.swap(0, Ordering::Relaxed), self.connections.swap(0, Ordering::Relaxed))
    }
}

fn pass(client: TcpStream, server: TcpStream, received: Arc<AtomicU64>) {
    let (from_client, to_server) = (client.try_clone(), server.try_clone());
    let (from_client, to_server) = (from_client.expect("a socket"), to_server.expect("a socket"));
    std::thread::spawn(move || copy(from_client, to_server, &AtomicU64::new(0)));
    std::thread::spawn(move || copy(server, client, &received));
}

fn copy(mut from: TcpStream, mut to: TcpStream, count: &AtomicU64) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        count.fetch_add(length as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}
