// SPDX-License-Identifier: MIT OR GPL-2.0
//
// The ring through which a feed tells sockpit its records, and the count of those that found no room.

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

// Room for a record of this size; 0 where there is none, which is counted.
static __always_inline void *room(__u64 size)
{
	void *record = bpf_ringbuf_reserve(&ring, size, 0);
	__u32 zero = 0;

	if (!record) {
		__u64 *count = bpf_map_lookup_elem(&lost, &zero);

		if (count)
			*count += 1;
	}
	return record;
}

#define MUCH (64 * 1024)

// Wakes the reader when much has just come together, and not at each record from then on: a wakeup
// costs more than all the rest of a record, and the reader looks by itself many times a second.
// Processors that pass the mark together may step over it, so it is a few records wide.
static __always_inline void hand_over(void *record, __u64 size)
{
	__u64 queued = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	int is_much = queued >= MUCH && queued < MUCH + 8 * size;

	bpf_ringbuf_submit(record, is_much ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}
