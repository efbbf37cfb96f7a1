// SPDX-License-Identifier: MIT OR Apache-2.0
//! usage: resume ADDRESS NAME
//!
//! For each line of standard input, a number, connects so many times in a row, always through one TLS configuration, as
//! a process does that reconnects. Prints a line for each connection: `resumed`, `full` or `failed` and why. A connection
//! is closed when its ticket has come. No certificate is checked.

use std::io::BufRead;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientSessionMemoryCache, ClientSessionStore, Resumption};
use rustls::client::{Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::crypto::{ring, CryptoProvider};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, NamedGroup, SignatureScheme};

/// Counts full handshakes: only they show a certificate.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    shown: AtomicUsize,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.shown.fetch_add(1, Ordering::Relaxed);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The store that rustls uses by itself; it also tells when a ticket comes.
#[derive(Debug)]
struct Store {
    sessions: ClientSessionMemoryCache,
    ticket: tokio::sync::Notify,
}

impl ClientSessionStore for Store {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        self.sessions.set_kx_hint(name, group)
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        self.sessions.kx_hint(name)
    }

    fn set_tls12_session(&self, name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.sessions.set_tls12_session(name, value)
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.sessions.tls12_session(name)
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        self.sessions.remove_tls12_session(name)
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, value: Tls13ClientSessionValue) {
        self.sessions.insert_tls13_ticket(name, value);
        self.ticket.notify_one()
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.sessions.take_tls13_ticket(name)
    }
}

struct Client {
    endpoint: quinn::Endpoint,
    verifier: Arc<Verifier>,
    store: Arc<Store>,
    address: SocketAddr,
    name: String,
}

impl Client {
    fn new(address: SocketAddr, name: String) -> Self {
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(Verifier { provider: provider.clone(), shown: AtomicUsize::new(0) });
        let store = Arc::new(Store { sessions: ClientSessionMemoryCache::new(256), ticket: Default::default() });
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3")
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h3".to_vec()];
        tls.resumption = Resumption::store(store.clone());

        let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(tls).expect("a cipher for Initial packets");
        let mut endpoint = quinn::Endpoint::client(([0u16; 8], 0).into()).expect("a socket");
        endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(crypto)));
        Client { endpoint, verifier, store, address, name }
    }

    async fn connect(&self) -> Result<&'static str, Box<dyn std::error::Error>> {
        let shown = self.verifier.shown.load(Ordering::Relaxed);
        let connection = self.endpoint.connect(self.address, &self.name)?.await?;
        tokio::select! {
            _ = self.store.ticket.notified() => {}
            why = connection.closed() => return Err(why.into()),
        }
        connection.close(0u32.into(), b"");
        Ok(if self.verifier.shown.load(Ordering::Relaxed) == shown { "resumed" } else { "full" })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let client = Client::new(args[0].parse().expect("ADDRESS"), args[1].clone());
    for line in std::io::stdin().lock().lines() {
        let times: usize = line.expect("a line").trim().parse().expect("a number");
        for _ in 0..times {
            match client.connect().await {
                Ok(how) => println!("{how}"),
                Err(why) => println!("failed: {why}"),
            }
        }
        client.endpoint.wait_idle().await; // the last close is sent before the next line is waited for
    }
}
