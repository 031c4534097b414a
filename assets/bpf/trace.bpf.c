// SPDX-License-Identifier: MIT OR GPL-2.0
//
// The socket calls of one process: one record in the ring for each call that returns, with its
// arguments, its result and how long it took.
//
// Which calls these are, and which of their arguments is what, is told by the reader: numbers of
// system calls differ from one architecture to the next.

#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "ring.h"

#define RELOCATED __attribute__((preserve_access_index))

struct inode {
	unsigned short i_mode;
} RELOCATED;

struct file {
	struct inode *f_inode;
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

// Arguments and number of a call lie in another place on each architecture.
struct pt_regs___x86 {
	unsigned long r10, r8, r9, dx, si, di, orig_ax;
} RELOCATED;

struct pt_regs___arm64 {
	__u64 regs[31];
	int syscallno;
} RELOCATED;

#define S_IFMT 0170000
#define S_IFSOCK 0140000

#define CALLS 512
#define ARGUMENTS 6
#define ADDRESS 112 // as long as a path of a UNIX socket and more than any other
#define VALUE 16

// What a call is, in the table that the reader fills.
enum is {
	IS_SOCKET_CALL = 1, // whatever its arguments
	IS_FILE_CALL = 2, // if its first argument is a socket
};

struct call {
	__u8 is;
	__u8 address; // which argument points to an address, from 1 on; 0 for none
	__u8 value; // which points to a value
	__u8 unused;
};

struct pending {
	__u64 entered_ns;
	__u64 arguments[ARGUMENTS];
	__u32 number;
	__u32 unused;
};

struct record {
	__u64 at_ns; // CLOCK_BOOTTIME, when the call began
	__u64 duration_ns;
	__s64 result;
	__u64 arguments[ARGUMENTS];
	__u32 number;
	__u32 thread;
	__u8 address[ADDRESS];
	__u8 value[VALUE];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct pending);
} entered SEC(".maps");

// Set before loading. Volatile, or the compiler would take the zeros for the values.
const volatile __u64 pid_namespace_device = 0;
const volatile __u64 pid_namespace_inode = 0;
const volatile __u32 only_pid = 0;
const volatile struct call calls[CALLS] = {};

static __always_inline int is_wanted(__u32 *thread)
{
	struct bpf_pidns_info ids = {};

	if (bpf_get_ns_current_pid_tgid(pid_namespace_device, pid_namespace_inode, &ids,
					sizeof(ids)) ||
	    ids.tgid != only_pid)
		return 0;
	*thread = ids.pid;
	return 1;
}

static __always_inline void read_arguments(struct pt_regs *regs, __u64 *arguments)
{
	struct pt_regs___x86 *x86 = (void *)regs;
	struct pt_regs___arm64 *arm64 = (void *)regs;

	if (bpf_core_field_exists(x86->orig_ax)) {
		bpf_probe_read_kernel(&arguments[0], 8, &x86->di);
		bpf_probe_read_kernel(&arguments[1], 8, &x86->si);
		bpf_probe_read_kernel(&arguments[2], 8, &x86->dx);
		bpf_probe_read_kernel(&arguments[3], 8, &x86->r10);
		bpf_probe_read_kernel(&arguments[4], 8, &x86->r8);
		bpf_probe_read_kernel(&arguments[5], 8, &x86->r9);
	} else if (bpf_core_field_exists(arm64->syscallno)) {
		bpf_probe_read_kernel(arguments, 8 * ARGUMENTS, &arm64->regs);
	}
}

static __always_inline int is_socket(__u64 descriptor)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task_btf();
	struct fdtable *table = task->files->fdt;
	struct file **files = table->fd;
	struct file *file = 0;

	if (descriptor >= table->max_fds)
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), files + descriptor);
	return file && (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) == S_IFSOCK;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(enters, struct pt_regs *regs, long number)
{
	struct pending pending = {};
	__u32 thread, is;

	if (number < 0 || number >= CALLS)
		return 0;
	is = calls[number].is;
	if (!is || !is_wanted(&thread))
		return 0;
	read_arguments(regs, pending.arguments);
	if (is == IS_FILE_CALL && !is_socket(pending.arguments[0]))
		return 0;
	pending.entered_ns = bpf_ktime_get_boot_ns();
	pending.number = number;
	bpf_map_update_elem(&entered, &thread, &pending, BPF_ANY);
	return 0;
}

// What an argument points to; 0 for none. The barriers keep the compiler from checking the bounds in
// a way that the verifier does not follow.
static __always_inline void *pointer(const __u64 *arguments, __u64 which)
{
	which -= 1;
	asm volatile("" : "+r"(which));
	if (which >= ARGUMENTS)
		return 0;
	asm volatile("" : "+r"(which));
	return (void *)arguments[which];
}

// An address may lie at the end of the program's memory: what is shorter is tried then.
static __always_inline void read_address(__u8 *to, const void *from)
{
	if (from && bpf_probe_read_user(to, ADDRESS, from) && bpf_probe_read_user(to, 28, from))
		bpf_probe_read_user(to, 16, from);
}

static __always_inline void read_value(__u8 *to, const void *from)
{
	if (from && bpf_probe_read_user(to, VALUE, from))
		bpf_probe_read_user(to, 4, from);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(leaves, struct pt_regs *regs, long result)
{
	struct pending *pending;
	struct record *record;
	__u32 thread;

	if (!is_wanted(&thread))
		return 0;
	pending = bpf_map_lookup_elem(&entered, &thread);
	if (!pending)
		return 0;
	record = room(sizeof(*record));
	if (record) {
		__u32 number = pending->number & (CALLS - 1);

		__builtin_memset(record, 0, sizeof(*record));
		record->at_ns = pending->entered_ns;
		record->duration_ns = bpf_ktime_get_boot_ns() - pending->entered_ns;
		record->result = result;
		__builtin_memcpy(record->arguments, pending->arguments, sizeof(record->arguments));
		record->number = number;
		record->thread = thread;
		read_address(record->address,
			     pointer(record->arguments, calls[number].address));
		read_value(record->value, pointer(record->arguments, calls[number].value));
		hand_over(record, sizeof(*record));
	}
	bpf_map_delete_elem(&entered, &thread);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
