// SPDX-License-Identifier: MIT OR GPL-2.0
//
// What sockets do, as it happens: one record in the ring for each connect, establishment,
// failure, accept, close, reset and retransmission of TCP, for the first datagram that a UDP socket
// sends and the first that it receives, and for each IP packet that the kernel drops.
//
// Who did it is only known in the hooks that run in the process itself: the move from CLOSE to
// SYN_SENT (connect) and the return from accept. The others run wherever the packet was
// received, so the process of a connection is remembered by its cookie.
//
// Kernel structures are declared as far as they are used; the loader relocates their fields to
// those of the running kernel (CO-RE), so that no kernel headers are needed to build this.

#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "ring.h"

#define RELOCATED __attribute__((preserve_access_index))

struct in6_addr {
	union {
		__u8 u6_addr8[16];
	} in6_u;
} RELOCATED;

struct ns_common {
	unsigned int inum;
} RELOCATED;

struct net {
	struct ns_common ns;
} RELOCATED;

typedef struct {
	struct net *net;
} possible_net_t;

typedef struct {
	__s64 counter;
} atomic64_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	possible_net_t skc_net;
	atomic64_t skc_cookie;
	unsigned long skc_flags;
} RELOCATED;

struct sock {
	struct sock_common __sk_common;
	int sk_err;
	__u16 sk_protocol;
} RELOCATED;

struct inet_sock {
	__be16 inet_sport;
} RELOCATED;

struct tcp_sock {
	__u64 bytes_received;
	__u64 bytes_sent;
} RELOCATED;

struct socket {
	struct sock *sk;
} RELOCATED;

struct file {
	void *private_data;
	const struct file_operations *f_op;
} RELOCATED;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} RELOCATED;

struct files_struct {
	struct fdtable *fdt;
} RELOCATED;

struct task_struct {
	struct files_struct *files;
} RELOCATED;

struct net_device {
	possible_net_t nd_net;
} RELOCATED;

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	int skb_iif;
	__be16 protocol;
	unsigned char *head;
	__u16 network_header;
} RELOCATED;

// System call numbers lie in another place on each architecture.
struct pt_regs___x86 {
	unsigned long orig_ax;
} RELOCATED;

struct pt_regs___arm64 {
	int syscallno;
} RELOCATED;

// The numbers shift from kernel to kernel; the reader looks up what those of the running one mean.
enum sk_rst_reason {
	SK_RST_REASON_NOT_SPECIFIED,
};

enum skb_drop_reason {
	SKB_DROP_REASON_QUEUE_PURGE = 104,
};

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86DD
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_MPTCP 262

// Of enum sock_flags: a FIN was received.
#define SOCK_DONE 1

enum state {
	ESTABLISHED = 1,
	SYN_SENT = 2,
	SYN_RECV = 3,
	CLOSE = 7,
	LISTEN = 10,
};

// The kinds of records, as src/wire/bpf_event.rs reads them.
enum kind {
	KIND_CONNECT = 1,
	KIND_ESTABLISHED = 2,
	KIND_ACCEPT = 3,
	KIND_FAILED = 4,
	KIND_CLOSED = 5,
	KIND_RESET_SENT = 6,
	KIND_RESET_RECEIVED = 7,
	KIND_RETRANSMIT = 8,
	KIND_DROPPED = 9,
	KIND_FIRST_SEND = 10,
	KIND_FIRST_RECEIVE = 11,
};

struct record {
	__u64 at_ns; // CLOCK_BOOTTIME
	__u64 cookie;
	__u64 bytes_sent;
	__u64 bytes_received;
	__u64 duration_ns;
	__u32 netns;
	__u32 pid; // in sockpit's own PID namespace; 0 where that has none
	__s32 error;
	__u32 reason;
	__u8 local[16];
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
	__u8 kind;
	__u8 family; // 4 or 6
	__u8 passive;
	__u8 protocol;
	char comm[16];
};

// Who opened a connection, and when.
struct origin {
	__u64 opened_ns;
	__u32 pid;
	__u8 passive;
	__u8 directions; // of datagrams that were seen: SENDS, RECEIVES
	__u8 unused[2];
	char comm[16];
};

enum direction {
	SENDS = 1,
	RECEIVES = 2,
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct origin);
} origins SEC(".maps");

// Set before loading. Volatile, or the compiler would take the zeros for the values.
const volatile __u64 pid_namespace_device = 0;
const volatile __u64 pid_namespace_inode = 0;
// Only this network namespace; 0 for all.
const volatile __u32 only_netns = 0;
// Nothing is told but the end of connections.
const volatile __u8 only_ends = 0;
const volatile __u64 accept_call = ~0ULL;
const volatile __u64 accept4_call = ~0ULL;

static __always_inline __u32 own_pid(void)
{
	struct bpf_pidns_info ids = {};

	if (bpf_get_ns_current_pid_tgid(pid_namespace_device, pid_namespace_inode, &ids,
					sizeof(ids)))
		return 0;
	return ids.tgid;
}

static __always_inline int is_wanted_netns(__u32 netns)
{
	return !only_netns || netns == only_netns;
}

static __always_inline int is_wanted(struct sock *sk)
{
	unsigned short family = sk->__sk_common.skc_family;

	// An MPTCP socket moves through the same states as its subflows, and is not TCP.
	return sk->sk_protocol == IPPROTO_TCP && (family == AF_INET || family == AF_INET6) &&
	       is_wanted_netns(sk->__sk_common.skc_net.net->ns.inum);
}

static __always_inline struct record *reserve(__u8 kind)
{
	struct record *record = room(sizeof(*record));

	if (!record)
		return 0;
	__builtin_memset(record, 0, sizeof(*record));
	record->at_ns = bpf_ktime_get_boot_ns();
	record->kind = kind;
	return record;
}

static __always_inline void submit(struct record *record)
{
	hand_over(record, sizeof(*record));
}

static __always_inline struct record *begin(struct sock *sk, __u64 cookie, __u8 kind)
{
	struct record *record = reserve(kind);
	__be16 port = 0;

	if (!record)
		return 0;
	record->cookie = cookie;
	record->netns = sk->__sk_common.skc_net.net->ns.inum;
	record->protocol = sk->sk_protocol;
	// A socket that closes has given its port back; this keeps its number.
	bpf_probe_read_kernel(&port, sizeof(port), &((struct inet_sock *)sk)->inet_sport);
	record->local_port = bpf_ntohs(port);
	record->remote_port = bpf_ntohs(sk->__sk_common.skc_dport);
	if (sk->__sk_common.skc_family == AF_INET) {
		record->family = 4;
		*(__be32 *)record->local = sk->__sk_common.skc_rcv_saddr;
		*(__be32 *)record->remote = sk->__sk_common.skc_daddr;
	} else {
		record->family = 6;
		bpf_probe_read_kernel(record->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_probe_read_kernel(record->remote, 16, &sk->__sk_common.skc_v6_daddr);
	}
	return record;
}

static __always_inline void name(struct record *record, const struct origin *origin)
{
	record->pid = origin->pid;
	record->passive = origin->passive;
	__builtin_memcpy(record->comm, origin->comm, sizeof(record->comm));
}

static __always_inline void name_by_cookie(struct record *record)
{
	struct origin *origin = bpf_map_lookup_elem(&origins, &record->cookie);

	if (origin)
		name(record, origin);
}

static __always_inline void connecting(struct sock *sk, __u64 cookie)
{
	struct origin origin = {};
	struct record *record;

	origin.opened_ns = bpf_ktime_get_boot_ns();
	origin.pid = own_pid();
	bpf_get_current_comm(origin.comm, sizeof(origin.comm));
	bpf_map_update_elem(&origins, &cookie, &origin, BPF_ANY);
	if (only_ends)
		return;
	record = begin(sk, cookie, KIND_CONNECT);
	if (!record)
		return;
	name(record, &origin);
	submit(record);
}

static __always_inline void established(struct sock *sk, __u64 cookie, int oldstate)
{
	int is_incoming = oldstate != SYN_SENT;
	struct record *record;
	struct origin *known;

	if (is_incoming) {
		// Whoever accepts it is found when accept returns.
		struct origin origin = {};

		origin.passive = 1;
		origin.opened_ns = bpf_ktime_get_boot_ns();
		bpf_map_update_elem(&origins, &cookie, &origin, BPF_ANY);
	}
	if (only_ends)
		return;
	record = begin(sk, cookie, KIND_ESTABLISHED);
	if (!record)
		return;
	record->passive = is_incoming;
	known = is_incoming ? 0 : bpf_map_lookup_elem(&origins, &cookie);
	if (known) {
		name(record, known);
		record->duration_ns = record->at_ns - known->opened_ns;
	}
	submit(record);
}

static __always_inline void ended(struct sock *sk, __u64 cookie, int oldstate)
{
	struct record *record = begin(sk, cookie, oldstate == SYN_SENT ? KIND_FAILED : KIND_CLOSED);
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	struct origin *known;

	if (!record)
		goto forget;
	record->error = sk->sk_err;
	if (tcp) {
		record->bytes_sent = tcp->bytes_sent;
		record->bytes_received = tcp->bytes_received;
		// The peer's FIN counts as a byte (RFC 9293, 3.4), which no program reads.
		if (sk->__sk_common.skc_flags & (1UL << SOCK_DONE) && record->bytes_received)
			record->bytes_received -= 1;
	}
	known = bpf_map_lookup_elem(&origins, &cookie);
	if (known) {
		name(record, known);
		record->duration_ns = record->at_ns - known->opened_ns;
	}
	submit(record);
forget:
	bpf_map_delete_elem(&origins, &cookie);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(set_state, struct sock *sk, int oldstate, int newstate)
{
	__u64 cookie;

	// Most moves are steps of a close that tell nothing.
	if (newstate != SYN_SENT && newstate != ESTABLISHED && newstate != CLOSE)
		return 0;
	if (!is_wanted(sk))
		return 0;
	cookie = bpf_get_socket_cookie(sk);
	if (newstate == SYN_SENT)
		connecting(sk, cookie);
	else if (newstate == ESTABLISHED)
		established(sk, cookie, oldstate);
	else if (newstate == CLOSE && oldstate != LISTEN && oldstate != SYN_RECV)
		ended(sk, cookie, oldstate);
	return 0;
}

static __always_inline __u64 call_number(struct pt_regs *regs)
{
	__u64 number = ~0ULL;

	if (bpf_core_field_exists(((struct pt_regs___x86 *)regs)->orig_ax)) {
		number = ((struct pt_regs___x86 *)regs)->orig_ax;
	} else if (bpf_core_field_exists(((struct pt_regs___arm64 *)regs)->syscallno)) {
		number = ((struct pt_regs___arm64 *)regs)->syscallno;
	}
	return number;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(call_returns, struct pt_regs *regs, long result)
{
	__u64 call = call_number(regs);
	struct task_struct *task;
	struct record *record;
	struct origin *origin;
	struct fdtable *table;
	struct file **files;
	struct file *file = 0;
	struct socket *socket;
	struct sock *sk;
	__u64 cookie;
	__s64 read = 0;

	if ((call != accept_call && call != accept4_call) || result < 0)
		return 0;
	task = (struct task_struct *)bpf_get_current_task_btf();
	table = task->files->fdt;
	if ((unsigned long)result >= table->max_fds)
		return 0;
	files = table->fd;
	bpf_probe_read_kernel(&file, sizeof(file), files + result);
	if (!file)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	// Its establishment gave it a cookie; a socket of another kind has none that is known.
	bpf_probe_read_kernel(&read, sizeof(read), &sk->__sk_common.skc_cookie.counter);
	cookie = read;
	origin = bpf_map_lookup_elem(&origins, &cookie);
	if (!origin || !origin->passive)
		return 0;
	origin->pid = own_pid();
	bpf_get_current_comm(origin->comm, sizeof(origin->comm));

	record = reserve(KIND_ACCEPT);
	if (!record)
		return 0;
	record->cookie = cookie;
	record->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	record->protocol = IPPROTO_TCP;
	record->local_port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	record->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET) {
		record->family = 4;
		bpf_probe_read_kernel(record->local, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_probe_read_kernel(record->remote, 4, &sk->__sk_common.skc_daddr);
	} else {
		record->family = 6;
		bpf_probe_read_kernel(record->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_probe_read_kernel(record->remote, 16, &sk->__sk_common.skc_v6_daddr);
	}
	name(record, origin);
	// How long it waited to be accepted.
	record->duration_ns = record->at_ns - origin->opened_ns;
	submit(record);
	return 0;
}

// What of an IPv6 header is never more than this far away: the ports behind it, and behind nothing
// else.
#define IPV6_HEADER 40

// The record of a packet. `received` says whether its sender is the other side.
static __always_inline struct record *of_packet(const struct sk_buff *skb, __u32 netns, __u8 kind,
						int received)
{
	unsigned char *network =
		BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header);
	__u8 first = 0, protocol = 0, length = IPV6_HEADER, fields[2][16] = {};
	struct record *record;
	__be16 ports[2] = {};
	__u8 version;

	if (!is_wanted_netns(netns))
		return 0;
	bpf_probe_read_kernel(&first, 1, network);
	version = first >> 4;
	if (version == 4) {
		length = (first & 15) * 4;
		bpf_probe_read_kernel(&protocol, 1, network + 9);
		bpf_probe_read_kernel(fields[0], 4, network + 12);
		bpf_probe_read_kernel(fields[1], 4, network + 16);
	} else if (version == 6) {
		bpf_probe_read_kernel(&protocol, 1, network + 6);
		bpf_probe_read_kernel(fields[0], 16, network + 8);
		bpf_probe_read_kernel(fields[1], 16, network + 24);
	} else {
		return 0;
	}
	record = reserve(kind);
	if (!record)
		return 0;
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP)
		bpf_probe_read_kernel(ports, sizeof(ports), network + length);
	record->netns = netns;
	record->family = version;
	record->protocol = protocol;
	if (received) {
		record->remote_port = bpf_ntohs(ports[0]);
		record->local_port = bpf_ntohs(ports[1]);
		__builtin_memcpy(record->remote, fields[0], 16);
		__builtin_memcpy(record->local, fields[1], 16);
	} else {
		record->local_port = bpf_ntohs(ports[0]);
		record->remote_port = bpf_ntohs(ports[1]);
		__builtin_memcpy(record->local, fields[0], 16);
		__builtin_memcpy(record->remote, fields[1], 16);
	}
	return record;
}

static __always_inline int is_full(struct sock *sk)
{
	// A socket in TIME_WAIT or half open is a small structure with the common part alone.
	unsigned char state = sk->__sk_common.skc_state;

	return state != 6 && state != 12;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(send_reset, struct sock *sk, const struct sk_buff *skb, enum sk_rst_reason reason)
{
	struct record *record = 0;

	if (sk && is_full(sk) && sk->__sk_common.skc_state != LISTEN) {
		if (!is_wanted(sk))
			return 0;
		record = begin(sk, bpf_get_socket_cookie(sk), KIND_RESET_SENT);
		if (record)
			name_by_cookie(record);
	} else if (skb) {
		// A packet that found no socket: both ends are those of the packet, turned around.
		record = of_packet(skb, BPF_CORE_READ(skb, dev, nd_net.net, ns.inum),
				   KIND_RESET_SENT, 1);
	}
	if (!record)
		return 0;
	record->reason = reason;
	submit(record);
	return 0;
}

static __always_inline int of_socket(struct sock *sk, __u8 kind)
{
	struct record *record;

	if (!is_wanted(sk))
		return 0;
	record = begin(sk, bpf_get_socket_cookie(sk), kind);
	if (!record)
		return 0;
	name_by_cookie(record);
	submit(record);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(receive_reset, struct sock *sk)
{
	return of_socket(sk, KIND_RESET_RECEIVED);
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(retransmit, struct sock *sk)
{
	return of_socket(sk, KIND_RETRANSMIT);
}

static __always_inline int is_ip(const struct sk_buff *skb)
{
	__be16 protocol = skb->protocol;

	return protocol == bpf_htons(ETH_P_IP) || protocol == bpf_htons(ETH_P_IPV6);
}

static __always_inline void dropped(const struct sk_buff *skb, __u32 reason, struct sock *receiver)
{
	struct sock *sender = BPF_CORE_READ(skb, sk);
	struct record *record;
	__s64 cookie = 0;
	__u32 netns;

	// What still lies in a queue goes with its socket: nobody misses it.
	if (!is_ip(skb) ||
	    (bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_QUEUE_PURGE) &&
	     reason == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_QUEUE_PURGE)))
		return;
	// On its way out of a socket a packet has no device yet; in the queue of a UDP socket the
	// kernel has put something else in that place.
	if (receiver)
		netns = BPF_CORE_READ(receiver, __sk_common.skc_net.net, ns.inum);
	else if (sender)
		netns = BPF_CORE_READ(sender, __sk_common.skc_net.net, ns.inum);
	else
		netns = BPF_CORE_READ(skb, dev, nd_net.net, ns.inum);
	record = of_packet(skb, netns, KIND_DROPPED, skb->skb_iif != 0);
	if (!record)
		return;
	record->reason = reason;
	if (!receiver)
		receiver = sender;
	if (receiver)
		bpf_probe_read_kernel(&cookie, sizeof(cookie),
				      &receiver->__sk_common.skc_cookie.counter);
	record->cookie = cookie;
	if (cookie)
		name_by_cookie(record);
	submit(record);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(drop, struct sk_buff *skb, void *location, enum skb_drop_reason reason,
	     struct sock *receiver)
{
	dropped(skb, reason, receiver);
	return 0;
}

// Before Linux 6.11 the receiver is not told.
SEC("tp_btf/kfree_skb")
int BPF_PROG(drop_alone, struct sk_buff *skb, void *location, enum skb_drop_reason reason)
{
	dropped(skb, reason, 0);
	return 0;
}

// Whoever first sends or receives on a connection that came in has accepted it, if that was not seen.
static __always_inline void adopt(struct sock *sk)
{
	struct origin *origin;
	__u64 cookie = sk->__sk_common.skc_cookie.counter;

	origin = bpf_map_lookup_elem(&origins, &cookie);
	if (!origin || !origin->passive || origin->pid)
		return;
	origin->pid = own_pid();
	bpf_get_current_comm(origin->comm, sizeof(origin->comm));
}

// The first datagram of a socket in this direction names who uses it.
static __always_inline int datagram(struct sock *sk, int length, __u8 kind)
{
	unsigned short family = sk->__sk_common.skc_family;
	struct origin first = {};
	struct origin *origin;
	struct record *record;
	__u64 cookie;
	__u8 direction = kind == KIND_FIRST_SEND ? SENDS : RECEIVES;

	if (sk->sk_protocol == IPPROTO_TCP)
		adopt(sk);
	if (only_ends || length < 0 || sk->sk_protocol != IPPROTO_UDP ||
	    (family != AF_INET && family != AF_INET6) ||
	    !is_wanted_netns(sk->__sk_common.skc_net.net->ns.inum))
		return 0;
	cookie = bpf_get_socket_cookie(sk);
	origin = bpf_map_lookup_elem(&origins, &cookie);
	if (origin && origin->directions & direction)
		return 0;
	first.opened_ns = bpf_ktime_get_boot_ns();
	first.pid = own_pid();
	first.directions = direction | (origin ? origin->directions : 0);
	bpf_get_current_comm(first.comm, sizeof(first.comm));
	bpf_map_update_elem(&origins, &cookie, &first, BPF_ANY);
	record = begin(sk, cookie, kind);
	if (!record)
		return 0;
	name(record, &first);
	submit(record);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(sends, struct sock *sk, int length)
{
	return datagram(sk, length, KIND_FIRST_SEND);
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(receives, struct sock *sk, int length)
{
	return datagram(sk, length, KIND_FIRST_RECEIVE);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
