//! Where the fields of the kernel's structures stand: (offset, bytes, group, name, unit).

/// A field: where it begins, how many bytes it has, its group, its name, its unit.
pub(super) type Field = (usize, usize, &'static str, &'static str, &'static str);

/// States by their number (the kernel's tcp_states.h), with the names of RFC 9293.
pub(super) const TCP_STATES: [&str; 13] = [
    "unknown",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECEIVED",
    "FIN_WAIT_1",
    "FIN_WAIT_2",
    "TIME_WAIT",
    "CLOSED",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "SYN_RECEIVED",
];

/// `struct tcp_info` from its fifth field on; 280 bytes in Linux 6.18.
pub(super) const TCP_INFO: &[Field] = &[
    (1, 1, "state", "ca_state", ""),
    (3, 1, "state", "probes", "probes"),
    (4, 1, "state", "backoff", ""),
    (8, 4, "time", "rto", "us"),
    (12, 4, "time", "ato", "us"),
    (68, 4, "time", "rtt", "us"),
    (72, 4, "time", "rttvar", "us"),
    (148, 4, "time", "min_rtt", "us"),
    (92, 4, "time", "rcv_rtt", "us"),
    (44, 4, "time", "last_data_sent", "ms"),
    (52, 4, "time", "last_data_recv", "ms"),
    (56, 4, "time", "last_ack_recv", "ms"),
    (16, 4, "segment", "snd_mss", "bytes"),
    (20, 4, "segment", "rcv_mss", "bytes"),
    (84, 4, "segment", "advmss", "bytes"),
    (60, 4, "segment", "pmtu", "bytes"),
    (80, 4, "window", "snd_cwnd", "segments"),
    (76, 4, "window", "snd_ssthresh", "segments"),
    (64, 4, "window", "rcv_ssthresh", "bytes"),
    (96, 4, "window", "rcv_space", "bytes"),
    (228, 4, "window", "snd_wnd", "bytes"),
    (232, 4, "window", "rcv_wnd", "bytes"),
    (24, 4, "flight", "unacked", "segments"),
    (28, 4, "flight", "sacked", "segments"),
    (144, 4, "flight", "notsent_bytes", "bytes"),
    (2, 1, "loss", "retransmits", "segments"),
    (32, 4, "loss", "lost", "segments"),
    (36, 4, "loss", "retrans", "segments"),
    (100, 4, "loss", "total_retrans", "segments"),
    (208, 8, "loss", "bytes_retrans", "bytes"),
    (216, 4, "loss", "dsack_dups", "segments"),
    (88, 4, "loss", "reordering", "segments"),
    (220, 4, "loss", "reord_seen", "events"),
    (224, 4, "loss", "rcv_ooopack", "segments"),
    (236, 4, "loss", "rehash", "events"),
    (240, 2, "loss", "total_rto", "timeouts"),
    (242, 2, "loss", "total_rto_recoveries", "events"),
    (244, 4, "loss", "total_rto_time", "ms"),
    (200, 8, "traffic", "bytes_sent", "bytes"),
    (120, 8, "traffic", "bytes_acked", "bytes"),
    (128, 8, "traffic", "bytes_received", "bytes"),
    (136, 4, "traffic", "segs_out", "segments"),
    (140, 4, "traffic", "segs_in", "segments"),
    (156, 4, "traffic", "data_segs_out", "segments"),
    (152, 4, "traffic", "data_segs_in", "segments"),
    (192, 4, "traffic", "delivered", "segments"),
    (196, 4, "traffic", "delivered_ce", "segments"),
    (160, 8, "rate", "delivery_rate", "bytes_per_s"),
    (104, 8, "rate", "pacing_rate", "bytes_per_s"),
    (112, 8, "rate", "max_pacing_rate", "bytes_per_s"),
    (168, 8, "limit", "busy_time", "us"),
    (176, 8, "limit", "rwnd_limited", "us"),
    (184, 8, "limit", "sndbuf_limited", "us"),
    (248, 4, "ecn", "received_ce", "segments"),
    (252, 4, "ecn", "delivered_e1_bytes", "bytes"),
    (256, 4, "ecn", "delivered_e0_bytes", "bytes"),
    (260, 4, "ecn", "delivered_ce_bytes", "bytes"),
    (264, 4, "ecn", "received_e1_bytes", "bytes"),
    (268, 4, "ecn", "received_e0_bytes", "bytes"),
    (272, 4, "ecn", "received_ce_bytes", "bytes"),
];

/// `struct tcp_bbr_info`; gains are in 1/256.
pub(super) const BBR: &[Field] = &[
    (0, 4, "", "bw_lo", "bytes_per_s"),
    (4, 4, "", "bw_hi", ""),
    (8, 4, "", "min_rtt", "us"),
    (12, 4, "", "pacing_gain", "/256"),
    (16, 4, "", "cwnd_gain", "/256"),
];

/// `struct tcp_dctcp_info`.
pub(super) const DCTCP: &[Field] = &[
    (0, 2, "", "enabled", ""),
    (2, 2, "", "ce_state", ""),
    (4, 4, "", "alpha", "/1024"),
    (8, 4, "", "ab_ecn", "bytes"),
    (12, 4, "", "ab_tot", "bytes"),
];

/// `struct tcpvegas_info`.
pub(super) const VEGAS: &[Field] = &[
    (0, 4, "", "enabled", ""),
    (4, 4, "", "rttcnt", "samples"),
    (8, 4, "", "rtt", "us"),
    (12, 4, "", "minrtt", "us"),
];

/// SK_MEMINFO_* of linux/sock_diag.h.
pub(super) const MEMINFO: &[Field] = &[
    (0, 4, "", "rmem_alloc", "bytes"),
    (4, 4, "", "rcvbuf", "bytes"),
    (8, 4, "", "wmem_alloc", "bytes"),
    (12, 4, "", "sndbuf", "bytes"),
    (16, 4, "", "fwd_alloc", "bytes"),
    (20, 4, "", "wmem_queued", "bytes"),
    (24, 4, "", "optmem", "bytes"),
    (28, 4, "", "backlog", "bytes"),
    (32, 4, "", "drops", "packets"),
];

/// `struct sock_txtime`: a clock of clock_gettime(2), and 1 deadline mode, 2 report errors.
pub(super) const TXTIME: &[Field] = &[(0, 4, "", "clockid", ""), (4, 4, "", "flags", "")];

/// `struct ip6_mtuinfo` behind its 28 bytes of address.
pub(super) const PATH_MTU: &[Field] = &[(28, 4, "", "mtu", "bytes")];

/// `struct tcp_repair_window`.
pub(super) const REPAIR_WINDOW: &[Field] = &[
    (0, 4, "", "snd_wl1", ""),
    (4, 4, "", "snd_wnd", "bytes"),
    (8, 4, "", "max_window", "bytes"),
    (12, 4, "", "rcv_wnd", "bytes"),
    (16, 4, "", "rcv_wup", ""),
];

/// `struct mptcp_info`.
pub(super) const MPTCP_INFO: &[Field] = &[
    (0, 1, "paths", "subflows", ""),
    (1, 1, "paths", "add_addr_signal", ""),
    (2, 1, "paths", "add_addr_accepted", ""),
    (3, 1, "paths", "subflows_max", ""),
    (4, 1, "paths", "add_addr_signal_max", ""),
    (5, 1, "paths", "add_addr_accepted_max", ""),
    (8, 4, "state", "flags", ""),
    (12, 4, "state", "token", ""),
    (16, 8, "state", "write_seq", ""),
    (24, 8, "state", "snd_una", ""),
    (32, 8, "state", "rcv_nxt", ""),
    (40, 1, "paths", "local_addr_used", ""),
    (41, 1, "paths", "local_addr_max", ""),
    (42, 1, "state", "csum_enabled", ""),
    (44, 4, "traffic", "retransmits", "segments"),
    (48, 8, "traffic", "bytes_retrans", "bytes"),
    (56, 8, "traffic", "bytes_sent", "bytes"),
    (64, 8, "traffic", "bytes_received", "bytes"),
    (72, 8, "traffic", "bytes_acked", "bytes"),
    (80, 1, "paths", "subflows_total", ""),
    (81, 1, "paths", "endp_laminar_max", ""),
    (82, 1, "paths", "endp_fullmesh_max", ""),
    (84, 4, "traffic", "last_data_sent", "ms"),
    (88, 4, "traffic", "last_data_recv", "ms"),
    (92, 4, "traffic", "last_ack_recv", "ms"),
];

/// `struct xdp_statistics`.
pub(super) const XDP_STATISTICS: &[Field] = &[
    (0, 8, "", "rx_dropped", "packets"),
    (8, 8, "", "rx_invalid_descs", "packets"),
    (16, 8, "", "tx_invalid_descs", "packets"),
    (24, 8, "", "rx_ring_full", "packets"),
    (32, 8, "", "rx_fill_ring_empty_descs", "packets"),
    (40, 8, "", "tx_ring_empty_descs", "packets"),
];

/// `struct tpacket_rollover_stats`.
pub(super) const ROLLOVER_STATS: &[Field] = &[
    (0, 8, "", "tp_all", "packets"),
    (8, 8, "", "tp_huge", "packets"),
    (16, 8, "", "tp_failed", "packets"),
];
