/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tools/bench_process.c, looking at this process: it burns, grows, opens a socket and does not read
 * it. */
#include "tools/bench_process.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"

enum { BURN_MS = 50, GROWN_BYTES = 32 << 20 };

static struct process_sample *sample_of(int pid)
{
    struct process_sample *sample = malloc(sizeof *sample);
    assert_non_null(sample);
    assert_true(process_sample(pid, sample));
    return sample;
}

static uint64_t cpu_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

static void cpu_time_and_memory_are_those_that_were_used(void **state)
{
    struct process_sample *before = sample_of(getpid());
    uint64_t began_ns = cpu_ns();
    (void)state;
    char *grown = malloc(GROWN_BYTES);
    assert_non_null(grown);
    memset(grown, 1, GROWN_BYTES);
    while (cpu_ns() - began_ns < BURN_MS * NS_PER_MS)
        ;
    struct process_sample *after = sample_of(getpid());
    uint64_t used_ns = cpu_ns() - began_ns, told_ns = after->cpu_ns - before->cpu_ns;
    assert_true(told_ns >= (BURN_MS - 15) * NS_PER_MS); /* by the tick, where there is no more */
    assert_true(told_ns <= used_ns + 15 * NS_PER_MS);
    assert_true(after->resident_bytes >= before->resident_bytes + GROWN_BYTES / 2);
    assert_true(after->resident_peak_bytes >= after->resident_bytes / 2);
    assert_true(after->thread_count >= 1);
    assert_int_equal(after->threads[0].tid, getpid());
    assert_true(strncmp(after->threads[0].name, "test_tools", strlen("test_tools")) == 0);
    assert_true(process_thread_cpu_ns(after, getpid()) > 0);
    assert_int_equal(process_thread_cpu_ns(after, -1), 0);
    assert_true(grown[GROWN_BYTES / 2] == 1);
    free(grown);
    free(before);
    free(after);
}

static void a_process_that_is_gone_has_no_sample(void **state)
{
    struct process_sample *sample = malloc(sizeof *sample);
    (void)state;
    assert_non_null(sample);
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_false(process_sample(pid, sample));
    free(sample);
}

static void a_socket_names_its_process_and_what_it_dropped(void **state)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    socklen_t size = sizeof address;
    char datagram[1000] = {0};
    int small = 4096, in = socket(AF_INET6, SOCK_DGRAM, 0), out = socket(AF_INET6, SOCK_DGRAM, 0);
    (void)state;
    assert_int_equal(setsockopt(in, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    assert_int_equal(bind(in, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(in, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(process_of_udp_port(ntohs(address.sin6_port)), getpid());

    uint64_t before = process_udp_drops(getpid());
    for (int i = 0; i < 100; i++)
        sendto(out, datagram, sizeof datagram, 0, (struct sockaddr *)&address, size);
    uint64_t dropped = process_udp_drops(getpid()) - before, kept = 0;
    while (recv(in, datagram, sizeof datagram, MSG_DONTWAIT) > 0)
        kept++;
    assert_true(dropped > 0);
    assert_int_equal(dropped + kept, 100);
    close(in);
    close(out);
    assert_int_equal(process_of_udp_port(ntohs(address.sin6_port)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_time_and_memory_are_those_that_were_used),
        cmocka_unit_test(a_process_that_is_gone_has_no_sample),
        cmocka_unit_test(a_socket_names_its_process_and_what_it_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
