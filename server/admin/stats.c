/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tested by tests/e2e/test_counters.py. */
#include "server/admin/stats.h"

#include <stdio.h>

enum { ENTRY_MAX_BYTES = 1024 }; /* of a list */

static size_t add_number(char *out, size_t size, size_t used, const char *name, uint64_t value)
{
    if (used >= size)
        return used;
    int n = snprintf(out + used, size - used, "%s\"%s\":%llu", out[used - 1] == '{' ? "" : ",",
                     name, (unsigned long long)value);
    return n > 0 ? used + (size_t)n : used;
}

static size_t write_listener(const struct core_stats *stats, size_t index, char *out, size_t size)
{
    const struct quic_endpoint_stats *listener = &stats->listeners[index];
    size_t used = (size_t)snprintf(out, size, "{");
#define NUMBER(name) used = add_number(out, size, used, #name, listener->name);
    QUIC_ENDPOINT_STATS(NUMBER)
#undef NUMBER
    return used + (size_t)snprintf(out + used, size - used, "}");
}

static size_t write_worker(const struct core_stats *stats, size_t index, char *out, size_t size)
{
    const struct core_worker_stats *worker = &stats->workers[index];
    struct quic_endpoint_stats sums = {.connections = 0};
    for (size_t i = 0; i < stats->listener_count; i++) {
#define ADD(name) sums.name += worker->listeners[i].name;
        QUIC_ENDPOINT_STATS(ADD)
#undef ADD
    }
    size_t used = (size_t)snprintf(out, size, "{");
#define NUMBER(name, value) used = add_number(out, size, used, #name, value)
    NUMBER(thread, (uint64_t)worker->system_thread);
    NUMBER(cpu_ms, worker->cpu_ns / NS_PER_MS);
    NUMBER(sessions, worker->counters.sessions);
    NUMBER(viewers, worker->counters.viewers);
    NUMBER(datagrams_received, sums.datagrams_received);
    NUMBER(datagrams_forwarded, sums.datagrams_forwarded);
    NUMBER(trains_sent, sums.trains_sent);
    NUMBER(packets_sent, sums.packets_sent);
    NUMBER(bytes_sent, sums.bytes_sent);
#undef NUMBER
    return used + (size_t)snprintf(out + used, size - used, "}");
}

struct list_of {
    const char *name;
    size_t count;
    size_t (*write)(const struct core_stats *stats, size_t index, char *out, size_t size);
};

static size_t add_list(const struct core_stats *stats, const struct list_of *list, char *out,
                       size_t size, size_t used)
{
    used += (size_t)snprintf(out + used, size - used, ",\"%s\":[", list->name);
    for (size_t i = 0; i < list->count && used + ENTRY_MAX_BYTES < size; i++) {
        if (i > 0)
            out[used++] = ',';
        used += list->write(stats, i, out + used, size - used);
    }
    return used + (size_t)snprintf(out + used, size - used, "]");
}

struct figure_writer {
    char *out;
    size_t size, used;
    const char *module; /* whose figures are being written; NULL: none */
};

/* Begins an entry of a module's object. */
static void begin_figure(struct figure_writer *writer, const char *module, const char *name)
{
    char *out = writer->out + writer->used;
    size_t size = writer->size - writer->used;
    bool is_next = writer->module != module;
    int n = is_next
                ? snprintf(out, size, "%s\"%s\":{\"%s\":", writer->module ? "}," : "", module, name)
                : snprintf(out, size, ",\"%s\":", name);
    writer->used += (size_t)n;
    writer->module = module;
}

static void write_counter(void *user, const char *module, const char *name, int64_t value)
{
    struct figure_writer *writer = user;
    begin_figure(writer, module, name);
    writer->used += (size_t)snprintf(writer->out + writer->used, writer->size - writer->used,
                                     "%lld", (long long)value);
}

static void write_note(void *user, const char *module, const char *name, const char *text)
{
    struct figure_writer *writer = user;
    begin_figure(writer, module, name);
    writer->out[writer->used++] = '"';
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            writer->out[writer->used++] = '\\';
        writer->out[writer->used++] = *text;
    }
    writer->out[writer->used++] = '"';
}

static size_t add_modules(const struct host *host, char *out, size_t size, size_t used)
{
    static const struct host_figures figures = {write_counter, write_note};
    struct figure_writer writer = {.out = out, .size = size, .used = used};
    writer.used += (size_t)snprintf(out + used, size - used, ",\"modules\":{");
    host_figures(host, &figures, &writer);
    return writer.used +
           (size_t)snprintf(out + writer.used, size - writer.used, writer.module ? "}}" : "}");
}

size_t stats_write(struct core *core, const struct host *host, char out[STATS_MAX_BYTES])
{
    const size_t size = STATS_MAX_BYTES;
    const struct core_stats *stats = core_stats(core);
    const struct list_of listeners = {"listeners", stats->listener_count, write_listener};
    const struct list_of workers = {"workers", stats->worker_count, write_worker};
    size_t used = (size_t)snprintf(out, size, "{");
#define COUNTER(name, help) used = add_number(out, size, used, #name, stats->total.name);
    CORE_COUNTERS(COUNTER)
#undef COUNTER
    used = add_list(stats, &listeners, out, size, used);
    used = add_list(stats, &workers, out, size, used);
    used = add_modules(host, out, size, used);
    return used + (size_t)snprintf(out + used, size - used, "}\n");
}
