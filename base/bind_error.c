/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Finds the holder of a port in /proc (proc(5)): /proc/net/udp and tcp name the inode of the socket
 * that is bound to the port, and the links in /proc/PID/fd name the inodes of a process's
 * sockets. */
#include "base/bind_error.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptors.h"

enum { LINE_BYTES = 512, PATH_BYTES = 320, TCP_LISTEN = 10, PRIVILEGED_PORTS = 1024 };

struct inodes { /* of the sockets that are bound to one port */
    uint64_t items[BIND_SOCKETS_MAX];
    size_t count;
};

/* ---- Who has the port ------------------------------------------------------------------------ */

/* A line is `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode`. An address
 * is hex, a colon and the port in hex. Every local address matches, because it may be a
 * wildcard. */
static bool read_line(const char *line, unsigned port, bool is_tcp, uint64_t *inode)
{
    unsigned local_port, state;
    return sscanf(line, " %*[^:]: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*s %*s %" SCNu64,
                  &local_port, &state, inode) == 3 &&
           local_port == port && *inode != 0 && (!is_tcp || state == TCP_LISTEN);
}

static void read_table(struct inodes *inodes, const char *path, unsigned port, bool is_tcp)
{
    char line[LINE_BYTES];
    uint64_t inode;
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    while (inodes->count < BIND_SOCKETS_MAX && fgets(line, sizeof line, file))
        if (read_line(line, port, is_tcp, &inode))
            inodes->items[inodes->count++] = inode;
    fclose(file);
}

static bool is_one_of(const struct inodes *inodes, const char *folder, const char *name)
{
    char path[PATH_BYTES], target[64];
    uint64_t inode;
    if (snprintf(path, sizeof path, "%s/%.16s", folder, name) >= (int)sizeof path)
        return false;
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n <= 0)
        return false;
    target[n] = '\0';
    if (sscanf(target, "socket:[%" SCNu64 "]", &inode) != 1)
        return false;
    for (size_t i = 0; i < inodes->count; i++)
        if (inodes->items[i] == inode)
            return true;
    return false;
}

static bool has_one_of(const struct inodes *inodes, const char *pid)
{
    char folder[PATH_BYTES];
    snprintf(folder, sizeof folder, "/proc/%.16s/fd", pid);
    DIR *files = opendir(folder);
    bool has_it = false;
    for (struct dirent *file; files && !has_it && (file = readdir(files));)
        has_it = is_one_of(inodes, folder, file->d_name);
    if (files)
        closedir(files);
    return has_it;
}

static void name_process(const char *pid, char out[BIND_HOLDER_BYTES])
{
    char path[PATH_BYTES], name[32] = "a process";
    snprintf(path, sizeof path, "/proc/%.16s/comm", pid);
    FILE *file = fopen(path, "re");
    if (file && fgets(name, sizeof name, file))
        name[strcspn(name, "\n")] = '\0';
    if (file)
        fclose(file);
    snprintf(out, BIND_HOLDER_BYTES, "%s (pid %.16s)", name, pid);
}

bool bind_holder_find(const struct bind_attempt *attempt, char out[BIND_HOLDER_BYTES])
{
    struct inodes inodes = {.count = 0};
    unsigned port = attempt->port;
    read_table(&inodes, attempt->is_tcp ? "/proc/net/tcp" : "/proc/net/udp", port, attempt->is_tcp);
    read_table(&inodes, attempt->is_tcp ? "/proc/net/tcp6" : "/proc/net/udp6", port,
               attempt->is_tcp);
    if (inodes.count > 0 && has_one_of(&inodes, "self")) {
        snprintf(out, BIND_HOLDER_BYTES, "this process");
        return true;
    }
    DIR *processes = inodes.count > 0 ? opendir("/proc") : NULL;
    bool is_found = false;
    struct dirent *process;
    for (int i = 0; processes && !is_found && i < BIND_PROCESSES_MAX; i++) {
        process = readdir(processes);
        if (!process)
            break;
        is_found =
            isdigit((unsigned char)process->d_name[0]) && has_one_of(&inodes, process->d_name);
        if (is_found)
            name_process(process->d_name, out);
    }
    if (processes)
        closedir(processes);
    return is_found;
}

/* ---- What to do ------------------------------------------------------------------------------ */

static void explain_taken(const struct bind_attempt *attempt, char *out, size_t size)
{
    char holder[BIND_HOLDER_BYTES];
    const char *kind = attempt->is_tcp ? "TCP" : "UDP";
    const char *words = strerror(attempt->error);
    if (!bind_holder_find(attempt, holder))
        snprintf(out, size,
                 "%s: another process has this %s port (as root, ss -%slpn shows which); stop it, "
                 "or choose another port",
                 words, kind, attempt->is_tcp ? "t" : "u");
    else if (strcmp(holder, "this process") == 0)
        snprintf(out, size,
                 "%s: another listener of this process has this %s port; choose another one", words,
                 kind);
    else
        snprintf(out, size, "%s: %s has this %s port; stop it, or choose another port", words,
                 holder, kind);
}

static unsigned first_free_port(void)
{
    unsigned first = PRIVILEGED_PORTS;
    FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
    if (file && fscanf(file, "%u", &first) != 1)
        first = PRIVILEGED_PORTS;
    if (file)
        fclose(file);
    return first;
}

static void explain_forbidden(const struct bind_attempt *attempt, char *out, size_t size)
{
    unsigned first = first_free_port();
    const char *words = strerror(attempt->error);
    if (attempt->port < first)
        snprintf(out, size,
                 "%s: ports below %u need CAP_NET_BIND_SERVICE (in a systemd unit "
                 "AmbientCapabilities=CAP_NET_BIND_SERVICE, else setcap "
                 "cap_net_bind_service=+ep on the program); or choose a port from %u on",
                 words, first, first);
    else
        snprintf(out, size,
                 "%s: a security policy of this host (SELinux, AppArmor, a sandbox) forbids it",
                 words);
}

void bind_error_explain(const struct bind_attempt *attempt, char *out, size_t size)
{
    const char *words = strerror(attempt->error);
    switch (attempt->error) {
    case EADDRINUSE:
        explain_taken(attempt, out, size);
        break;
    case EACCES:
    case EPERM:
        explain_forbidden(attempt, out, size);
        break;
    case EMFILE:
    case ENFILE:
        descriptors_explain(attempt->error, out, size);
        break;
    case EADDRNOTAVAIL:
        snprintf(out, size,
                 "%s: no interface of this host has this address (ip address lists them); [::] "
                 "stands for all",
                 words);
        break;
    case EINVAL:
        snprintf(out, size,
                 "%s: an address that begins with fe80: is that of one interface; write another "
                 "address of this host, or [::] for all",
                 words);
        break;
    case EAFNOSUPPORT:
        snprintf(out, size, "%s: this host has no %s; write an address of the other kind", words,
                 attempt->is_ipv6 ? "IPv6" : "IPv4");
        break;
    default:
        snprintf(out, size, "%s", words);
    }
}
