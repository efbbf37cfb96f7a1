/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the system knows of a process: CPU time, memory, context switches, and the CPU time of each
 * of its threads. */
#ifndef MOQ_TOOLS_BENCH_PROCESS_H
#define MOQ_TOOLS_BENCH_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

enum { PROCESS_THREADS_MAX = 128, PROCESS_NAME_BYTES = 32 };

struct process_thread {
    int tid;
    char name[PROCESS_NAME_BYTES];
    uint64_t cpu_ns;
};

struct process_sample {
    uint64_t taken_ns;
    uint64_t user_ns, system_ns; /* by the clock tick */
    /* Both, of the threads that live: to the nanosecond where the kernel tells, otherwise the sum
     * of those above. */
    uint64_t cpu_ns;
    uint64_t resident_bytes, resident_peak_bytes;
    uint64_t switches_voluntary, switches_involuntary; /* of the threads that live */
    unsigned thread_count;                             /* all; `threads` holds the first ones */
    struct process_thread threads[PROCESS_THREADS_MAX];
};

bool process_sample(int pid, struct process_sample *sample); /* false: there is no such process */

/* Whose socket is bound to this UDP port; 0: nobody's that we may look at. */
int process_of_udp_port(uint16_t port);

/* Datagrams that the kernel dropped at the UDP sockets which a process has now, because it did not
 * read them in time. */
uint64_t process_udp_drops(int pid);

/* CPU time of thread `tid` in a sample; 0: it is not there. */
uint64_t process_thread_cpu_ns(const struct process_sample *sample, int tid);

#endif
