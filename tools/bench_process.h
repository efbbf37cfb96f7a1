/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads from the system what a process uses: CPU time, memory, context switches, and the CPU time
 * of each of its threads. */
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
    uint64_t user_ns, system_ns; /* in clock ticks, so with an error of up to 10 ms each */
    /* Of the threads that are alive: exact if the kernel says it, otherwise user_ns + system_ns. */
    uint64_t cpu_ns;
    uint64_t resident_bytes, resident_peak_bytes;
    uint64_t switches_voluntary, switches_involuntary; /* of the threads that are alive */
    unsigned thread_count;                             /* may exceed PROCESS_THREADS_MAX */
    struct process_thread threads[PROCESS_THREADS_MAX];
};

bool process_sample(int pid, struct process_sample *sample); /* false: there is no such process */

/* The process that has a socket bound to this UDP port; 0: none, or one that we may not look at. */
int process_of_udp_port(uint16_t port);

/* The number of datagrams that the kernel has dropped at the present UDP sockets of a process,
 * because the process did not read them in time. */
uint64_t process_udp_drops(int pid);

/* The CPU time of thread `tid` in a sample; 0: it is not in the sample. */
uint64_t process_thread_cpu_ns(const struct process_sample *sample, int tid);

#endif
