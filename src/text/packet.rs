//! Single packets in words.

use crate::model::packet::{Field, Layer, PacketLine};

use super::{clean, units};

/// A packet on one line: time, interface, ends, what it is.
pub fn line(packet: &PacketLine) -> String {
    let at = packet.at.map_or_else(
        || units::UNKNOWN.to_owned(),
        |at| at.strftime("%Y-%m-%d %H:%M:%S.%9f").to_string(),
    );
    let interface = packet.interface.as_deref().map_or(String::new(), |name| format!("{name} "));
    let ends = match (&packet.source, &packet.destination) {
        (Some(source), Some(destination)) => format!("{source} > {destination} "),
        _ => String::new(),
    };
    clean(&format!("{at} {interface}{ends}{}", packet.summary)).into_owned()
}

/// A packet with all of its fields: a line for itself, one for each header, one for each field.
pub fn fields(packet: &PacketLine) -> String {
    let mut text = format!("packet {}: {} bytes, {}\n", packet.number, packet.length, line(packet));
    for layer in &packet.layers {
        text += &header(layer);
    }
    text
}

fn header(layer: &Layer) -> String {
    let place = place(layer.start, layer.length);
    let summary = match layer.summary.as_str() {
        "" => String::new(),
        summary => format!(": {}", clean(summary)),
    };
    let mut text = format!("  {place:>9}  {}{summary}\n", clean(&layer.name));
    for field in &layer.fields {
        text += &one(field);
    }
    if let Some(fault) = &layer.fault {
        text += &format!("  {:>9}    ({})\n", "", clean(fault));
    }
    text
}

fn one(field: &Field) -> String {
    let place = place(field.start, field.length);
    let meaning = field.meaning.as_deref().filter(|meaning| !meaning.is_empty());
    let meaning = meaning.map_or(String::new(), |meaning| format!(" ({})", clean(meaning)));
    format!("  {place:>9}    {}: {}{meaning}\n", clean(&field.name), clean(&field.value))
}

/// The first and the last byte, counted from 0.
fn place(start: usize, length: usize) -> String {
    match length {
        0 => String::new(),
        1 => start.to_string(),
        _ => format!("{start}-{}", start + length - 1),
    }
}
