// SPDX-License-Identifier: MIT OR Apache-2.0
//! Watches the first video track of a broadcast. Prints the time of each frame in microseconds, "key" for the first of
//! a group, and its size on standard error, and writes what is in them to standard output.

use std::io::Write;

use anyhow::Context;
use clap::Parser;
use moq_karp::moq_transfork::{Path, Session};
use moq_karp::{BroadcastConsumer, Track};
use moq_native::quic;
use url::Url;

#[derive(Parser)]
struct Config {
    url: Url,
    #[command(flatten)]
    log: moq_native::log::Args,
    #[command(flatten)]
    tls: moq_native::tls::Args,
}

#[cfg(feature = "v04")]
async fn next_track(broadcast: &mut BroadcastConsumer) -> anyhow::Result<Option<Track>> {
    let catalog = broadcast.next_catalog().await?;
    Ok(catalog.and_then(|catalog| catalog.video.first()).map(|video| video.track.clone()))
}

#[cfg(not(feature = "v04"))]
async fn next_track(broadcast: &mut BroadcastConsumer) -> anyhow::Result<Option<Track>> {
    let catalog = broadcast.catalog().await?;
    Ok(catalog.and_then(|catalog| catalog.video.first().map(|video| video.track.clone())))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Config::parse();
    config.log.init();
    let endpoint = quic::Endpoint::new(quic::Config { bind: "[::]:0".parse()?, tls: config.tls.load()? })?;
    let path = config.url.path_segments().context("the URL has no path")?.collect::<Path>();
    let session = Session::connect(endpoint.client.connect(config.url.clone()).await?).await?;
    let mut broadcast = BroadcastConsumer::new(session, path);
    eprintln!("waiting");
    let track = loop {
        if let Some(track) = next_track(&mut broadcast).await? {
            break track;
        }
    };
    let mut reader = broadcast.track(&track)?;
    let mut out = std::io::stdout().lock();
    eprintln!("watching {}", track.name);
    while let Some(frame) = reader.read().await? {
        let kind = if frame.keyframe { "key" } else { "frame" };
        eprintln!("{} {} {}", frame.timestamp.as_micros(), kind, frame.payload.len());
        out.write_all(&frame.payload)?;
        out.flush()?;
    }
    eprintln!("ended");
    Ok(())
}
