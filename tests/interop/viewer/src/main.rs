// SPDX-License-Identifier: MIT OR Apache-2.0
//! Watches the first video track of a broadcast, or with --audio the first track of sound. Prints the time of each frame in microseconds, "key" for the first of
//! a group, and its size on standard error, and writes what is in them to standard output.

use std::io::Write;

use anyhow::Context;
use clap::Parser;
use moq_karp::moq_transfork::{Path, Session};
use moq_karp::{BroadcastConsumer, Catalog, Track};
use moq_native::quic;
use url::Url;

#[derive(Parser)]
struct Config {
    url: Url,
    #[arg(long)]
    audio: bool,
    #[command(flatten)]
    log: moq_native::log::Args,
    #[command(flatten)]
    tls: moq_native::tls::Args,
}

fn choose_track(catalog: &Catalog, is_audio: bool) -> Option<Track> {
    if is_audio {
        return catalog.audio.first().map(|audio| audio.track.clone());
    }
    catalog.video.first().map(|video| video.track.clone())
}

#[cfg(feature = "v04")]
async fn next_track(broadcast: &mut BroadcastConsumer, is_audio: bool) -> anyhow::Result<Option<Track>> {
    Ok(broadcast.next_catalog().await?.and_then(|catalog| choose_track(&catalog, is_audio)))
}

#[cfg(not(feature = "v04"))]
async fn next_track(broadcast: &mut BroadcastConsumer, is_audio: bool) -> anyhow::Result<Option<Track>> {
    Ok(broadcast.catalog().await?.and_then(|catalog| choose_track(&catalog, is_audio)))
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
        if let Some(track) = next_track(&mut broadcast, config.audio).await? {
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
