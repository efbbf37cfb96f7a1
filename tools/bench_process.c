/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reads /proc. A thread that ends in between is left out. */
#include "tools/bench_process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { TEXT_BYTES = 4096, PATH_BYTES = 64, SOCKETS_MAX = 1024 };

static bool read_text(const char *path, char text[TEXT_BYTES])
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t n = fread(text, 1, TEXT_BYTES - 1, file);
    fclose(file);
    text[n] = '\0';
    return n > 0;
}

/* Calls `visit` for each numbered entry of a folder until it returns false. */
static void for_each_number(const char *path, bool (*visit)(int number, void *user), void *user)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    if (!folder)
        return;
    while ((entry = readdir(folder))) {
        char *end;
        long number = strtol(entry->d_name, &end, 10);
        if (end == entry->d_name || *end)
            continue;
        if (!visit((int)number, user))
            break;
    }
    closedir(folder);
}

/* ---- A sample -------------------------------------------------------------------------------- */

static uint64_t field_after(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static uint64_t ticks_ns(unsigned long long ticks)
{
    return ticks * NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
}

/* Reads fields 14 and 15 of a stat file. It counts from the end of the name, which may contain
 * spaces and parentheses. */
static bool read_times(const char *path, uint64_t *user_ns, uint64_t *system_ns)
{
    char text[TEXT_BYTES];
    unsigned long long user = 0, system = 0;
    const char *rest = read_text(path, text) ? strrchr(text, ')') : NULL;
    if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
                        &system) != 2)
        return false;
    *user_ns = ticks_ns(user);
    *system_ns = ticks_ns(system);
    return true;
}

static uint64_t thread_cpu_ns(int pid, int tid)
{
    char path[PATH_BYTES], text[TEXT_BYTES];
    uint64_t user_ns = 0, system_ns = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", pid, tid);
    if (read_text(path, text))
        return strtoull(text, NULL, 10);
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, tid);
    return read_times(path, &user_ns, &system_ns) ? user_ns + system_ns : 0;
}

struct visit {
    int pid;
    struct process_sample *sample;
};

static bool visit_thread(int tid, void *user)
{
    const struct visit *visit = user;
    struct process_sample *sample = visit->sample;
    char path[PATH_BYTES], text[TEXT_BYTES];
    uint64_t cpu_ns = thread_cpu_ns(visit->pid, tid);
    sample->cpu_ns += cpu_ns;
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", visit->pid, tid);
    if (read_text(path, text)) {
        sample->switches_voluntary += field_after(text, "\nvoluntary_ctxt_switches:");
        sample->switches_involuntary += field_after(text, "\nnonvoluntary_ctxt_switches:");
    }
    if (sample->thread_count < PROCESS_THREADS_MAX) {
        struct process_thread *thread = &sample->threads[sample->thread_count];
        thread->tid = tid;
        thread->cpu_ns = cpu_ns;
        snprintf(path, sizeof path, "/proc/%d/task/%d/comm", visit->pid, tid);
        if (!read_text(path, text))
            text[0] = '\0';
        snprintf(thread->name, sizeof thread->name, "%.*s", (int)strcspn(text, "\n"), text);
    }
    sample->thread_count++;
    return true;
}

bool process_sample(int pid, struct process_sample *sample)
{
    char path[PATH_BYTES], text[TEXT_BYTES];
    struct visit visit = {pid, sample};
    memset(sample, 0, sizeof *sample);
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (!read_times(path, &sample->user_ns, &sample->system_ns))
        return false;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    if (read_text(path, text)) {
        sample->resident_bytes = field_after(text, "\nVmRSS:") * 1024;
        sample->resident_peak_bytes = field_after(text, "\nVmHWM:") * 1024;
    }
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    sample->taken_ns = clock_monotonic_ns();
    for_each_number(path, visit_thread, &visit);
    return sample->thread_count > 0;
}

uint64_t process_thread_cpu_ns(const struct process_sample *sample, int tid)
{
    for (unsigned i = 0; i < sample->thread_count && i < PROCESS_THREADS_MAX; i++)
        if (sample->threads[i].tid == tid)
            return sample->threads[i].cpu_ns;
    return 0;
}

/* ---- UDP sockets ----------------------------------------------------------------------------- */

struct sockets { /* by inode */
    unsigned long inodes[SOCKETS_MAX];
    size_t count;
};

static bool has_socket(const struct sockets *sockets, unsigned long inode)
{
    for (size_t i = 0; i < sockets->count; i++)
        if (sockets->inodes[i] == inode)
            return true;
    return false;
}

static void add_socket(struct sockets *sockets, unsigned long inode)
{
    if (sockets->count < SOCKETS_MAX)
        sockets->inodes[sockets->count++] = inode;
}

/* The inode of the socket behind a descriptor of a process; 0: it is not a socket. */
static unsigned long socket_at(int pid, int fd)
{
    char path[PATH_BYTES], target[PATH_BYTES] = "";
    unsigned long inode = 0;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
    if (readlink(path, target, sizeof target - 1) < 0 ||
        sscanf(target, "socket:[%lu]", &inode) != 1)
        return 0;
    return inode;
}

struct udp_line {
    unsigned port;
    unsigned long inode;
    unsigned long long drops;
};

static void for_each_udp(void (*visit)(const struct udp_line *line, void *user), void *user)
{
    static const char *const paths[] = {"/proc/net/udp", "/proc/net/udp6"};
    char text[512];
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        FILE *file = fopen(paths[i], "re");
        if (!file)
            continue;
        while (fgets(text, sizeof text, file)) {
            struct udp_line line;
            if (sscanf(text, " %*d: %*[0-9A-Fa-f]:%x %*s %*s %*s %*s %*s %*u %*u %lu %*u %*s %llu",
                       &line.port, &line.inode, &line.drops) == 3)
                visit(&line, user);
        }
        fclose(file);
    }
}

/* ---- Whose port it is ------------------------------------------------------------------------ */

struct search {
    struct sockets sockets; /* on the port */
    unsigned port;
    int pid, found;
};

static void note_port(const struct udp_line *line, void *user)
{
    struct search *search = user;
    if (line->port == search->port)
        add_socket(&search->sockets, line->inode);
}

static bool visit_descriptor(int fd, void *user)
{
    struct search *search = user;
    unsigned long inode = socket_at(search->pid, fd);
    if (inode && has_socket(&search->sockets, inode))
        search->found = search->pid;
    return !search->found;
}

static bool visit_process(int pid, void *user)
{
    struct search *search = user;
    char path[PATH_BYTES];
    search->pid = pid;
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    for_each_number(path, visit_descriptor, search);
    return !search->found;
}

int process_of_udp_port(uint16_t port)
{
    struct search search = {.port = port};
    for_each_udp(note_port, &search);
    if (search.sockets.count)
        for_each_number("/proc", visit_process, &search);
    return search.found;
}

/* ---- Datagrams that were dropped ------------------------------------------------------------- */

struct drops {
    struct sockets sockets; /* of the process */
    int pid;
    uint64_t sum;
};

static bool note_descriptor(int fd, void *user)
{
    struct drops *drops = user;
    unsigned long inode = socket_at(drops->pid, fd);
    if (inode)
        add_socket(&drops->sockets, inode);
    return true;
}

static void add_drops(const struct udp_line *line, void *user)
{
    struct drops *drops = user;
    if (has_socket(&drops->sockets, line->inode))
        drops->sum += line->drops;
}

uint64_t process_udp_drops(int pid)
{
    struct drops drops = {.pid = pid};
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    for_each_number(path, note_descriptor, &drops);
    for_each_udp(add_drops, &drops);
    return drops.sum;
}
