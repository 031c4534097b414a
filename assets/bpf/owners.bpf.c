// SPDX-License-Identifier: MIT OR GPL-2.0
//
// Who holds which socket: one record for each descriptor of each process that refers to a socket,
// or to an io_uring, which may hold sockets that no descriptor refers to.
//
// The kernel calls the program once for each open file. Threads that share the table of their
// process's first one are passed over by the kernel, so that others stand out by their `tid`.
//
// It has no maps, and so needs no more than its instructions to be loaded.

#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#define RELOCATED __attribute__((preserve_access_index))

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
	possible_net_t skc_net;
	atomic64_t skc_cookie;
} RELOCATED;

struct sock {
	struct sock_common __sk_common;
} RELOCATED;

struct socket {
	struct sock *sk;
} RELOCATED;

struct inode {
	unsigned long i_ino;
} RELOCATED;

struct qstr {
	const unsigned char *name;
} RELOCATED;

struct dentry {
	struct qstr d_name;
} RELOCATED;

struct path {
	struct dentry *dentry;
} RELOCATED;

struct file {
	struct path f_path;
	struct inode *f_inode;
} RELOCATED;

struct upid {
	int nr;
} RELOCATED;

struct pid {
	unsigned int level;
	struct upid numbers[1];
} RELOCATED;

// Of enum pid_type: that of a whole process.
#define PIDTYPE_TGID 1

struct signal_struct {
	struct pid *pids[4];
} RELOCATED;

struct files_struct;

struct task_struct {
	int tgid;
	int pid;
	struct pid *thread_pid;
	struct signal_struct *signal;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct files_struct *files;
	__u64 start_boottime;
	char comm[16];
} RELOCATED;

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
} RELOCATED;

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
} RELOCATED;

// What a descriptor refers to, as src/wire/bpf_owner.rs reads it.
enum kind {
	KIND_SOCKET = 1,
	KIND_RING = 2,
};

struct record {
	__u64 inode;
	__u64 cookie; // 0 for one that nobody has asked for
	__u64 started_ns; // CLOCK_BOOTTIME, when the process began
	__u64 table; // tells the table of descriptors from every other
	__u32 netns;
	__u32 pid; // these in the PID namespace of the reader
	__u32 tid;
	__u32 parent;
	__u32 fd;
	__u32 kind;
	char comm[16]; // of the process's first thread
};

// The number by which a PID namespace this deep knows it. Numbers of deeper ones follow.
static __always_inline __u32 number(struct pid *pid, unsigned int level)
{
	struct upid *numbers = pid->numbers;
	int number = 0;

	bpf_probe_read_kernel(&number, sizeof(number),
			      (void *)numbers + level * bpf_core_type_size(struct upid));
	return number;
}

static __always_inline __u32 process_number(struct task_struct *task, unsigned int level)
{
	return level ? number(task->signal->pids[PIDTYPE_TGID], level) : task->tgid;
}

static __always_inline int is_ring(struct file *file)
{
	const char expected[] = "[io_uring]";
	char name[sizeof(expected)] = {};

	bpf_probe_read_kernel(name, sizeof(name), file->f_path.dentry->d_name.name);
	for (int i = 0; i < sizeof(expected); i++)
		if (name[i] != expected[i])
			return 0;
	return 1;
}

SEC("iter/task_file")
int owners(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct record record = {};
	struct task_struct *reader, *leader;
	struct socket *socket;
	struct sock *sk;
	unsigned int level;

	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (socket) {
		record.kind = KIND_SOCKET;
		record.inode = file->f_inode->i_ino;
		sk = socket->sk;
		if (sk) {
			record.cookie = sk->__sk_common.skc_cookie.counter;
			record.netns = sk->__sk_common.skc_net.net->ns.inum;
		}
	} else if (is_ring(file)) {
		record.kind = KIND_RING;
	} else {
		return 0;
	}
	reader = (struct task_struct *)bpf_get_current_task_btf();
	level = reader->thread_pid->level;
	leader = task->group_leader;
	record.fd = ctx->fd;
	record.pid = process_number(task, level);
	record.tid = level ? number(task->thread_pid, level) : task->pid;
	record.parent = process_number(leader->real_parent, level);
	record.started_ns = leader->start_boottime;
	record.table = (__u64)task->files;
	bpf_probe_read_kernel(record.comm, sizeof(record.comm), leader->comm);
	// What finds no room is discarded by the kernel, which then calls again for the same file.
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
