/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a module may do on any of the relay's threads: its data, why it fails, its log, its
 * counters and its notes.
 * Tested by tests/e2e/test_modules.py. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/host/internal.h"

int relay_fail(struct relay_self *self, const char *format, ...)
{
    va_list arguments;
    if (!SELF_FITS(self))
        return RELAY_ERR_FAILED;
    va_start(arguments, format);
    vsnprintf(self->failure, sizeof self->failure, format, arguments);
    va_end(arguments);
    return RELAY_ERR_FAILED;
}

void relay_set_data(struct relay_self *self, void *data)
{
    if (SELF_FITS(self))
        self->data = data;
}

void *relay_data(const struct relay_self *self)
{
    return SELF_FITS(self) ? self->data : NULL;
}

uint32_t relay_worker_count(const struct relay_self *self)
{
    return SELF_FITS(self) ? host_worker_count(self->host) : 0;
}

/* ---- The log --------------------------------------------------------------------------------- */

_Static_assert(sizeof(struct relay_log_site) == sizeof(struct log_site), "one is the other");

void relay_log_write(struct relay_self *self, struct relay_log_site *site, int level,
                     const char *format, ...)
{
    char text[LOG_LINE_MAX_BYTES];
    va_list arguments;
    if (!self || self->magic != HOST_SELF || level < LOG_LEVEL_ERROR || level > LOG_LEVEL_TRACE ||
        !log_enabled(LOG_MODULE, (enum log_level)level))
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_write((struct log_site *)(void *)site, LOG_MODULE, (enum log_level)level, "%s: %s",
              self->kind->module.name, text);
}

/* ---- Counters -------------------------------------------------------------------------------- */

static bool is_counter_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return n > 0 && name[n] == '\0' && n < sizeof((struct host_counter *)0)->name;
}

static int find_counter(const struct relay_self *self, const char *name)
{
    for (uint32_t i = 0; i < self->counter_count; i++)
        if (strcmp(self->counters[i].name, name) == 0)
            return (int)i;
    return RELAY_ERR_NOT_FOUND;
}

static int add_counter(struct relay_self *self, const char *name)
{
    uint32_t index = self->counter_count;
    if (index == RELAY_COUNTERS_MAX)
        return RELAY_ERR_BOUNDS;
    snprintf(self->counters[index].name, sizeof self->counters[0].name, "%s", name);
    __atomic_store_n(&self->counter_count, index + 1, __ATOMIC_RELEASE);
    return (int)index;
}

int relay_counter(struct relay_self *self, const char *name)
{
    if (!SELF_FITS(self) || !name || !is_counter_name(name))
        return RELAY_ERR_INVALID;
    uv_mutex_lock(&self->mutex);
    int index = find_counter(self, name);
    if (index < 0)
        index = add_counter(self, name);
    uv_mutex_unlock(&self->mutex);
    return index;
}

static uint32_t counter_count(const struct relay_self *self)
{
    return __atomic_load_n(&self->counter_count, __ATOMIC_ACQUIRE);
}

void relay_count(struct relay_worker *worker, int counter, int64_t change)
{
    if (!FITS(worker, HOST_WORKER) || counter < 0 ||
        (uint32_t)counter >= counter_count(worker->self))
        return;
    uint64_t *value = &worker->counters[counter];
    __atomic_store_n(value, *value + (uint64_t)change, __ATOMIC_RELAXED);
}

static int64_t counter_sum(const struct relay_self *self, uint32_t index)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < self->worker_count; i++)
        sum += __atomic_load_n(&self->workers[i]->counters[index], __ATOMIC_RELAXED);
    return (int64_t)sum;
}

/* ---- Notes ----------------------------------------------------------------------------------- */

/* The note with this name, or a free one. NULL: there is neither. */
static struct host_note *find_note(struct relay_self *self, const char *name)
{
    struct host_note *free_note = NULL;
    for (size_t i = 0; i < RELAY_NOTES_MAX; i++) {
        struct host_note *note = &self->notes[i];
        if (note->text[0] && strcmp(note->name, name) == 0)
            return note;
        if (!note->text[0] && !free_note)
            free_note = note;
    }
    return free_note;
}

static void write_note(struct host_note *note, const char *name, const char *text)
{
    snprintf(note->name, sizeof note->name, "%s", name);
    snprintf(note->text, sizeof note->text, "%s", text);
    for (char *at = note->text; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
}

int relay_note(struct relay_self *self, const char *name, const char *text)
{
    if (!SELF_FITS(self) || !name || !is_counter_name(name))
        return RELAY_ERR_INVALID;
    uv_mutex_lock(&self->mutex);
    struct host_note *note = find_note(self, name);
    if (note)
        write_note(note, name, text ? text : "");
    uv_mutex_unlock(&self->mutex);
    return note || !text ? 0 : RELAY_ERR_BOUNDS;
}

/* ---- For /stats ------------------------------------------------------------------------------ */

void self_figures(struct relay_self *self, const struct host_figures *figures, void *user)
{
    const char *module = self->kind->module.name;
    for (uint32_t i = 0; i < counter_count(self); i++)
        figures->counter(user, module, self->counters[i].name, counter_sum(self, i));
    uv_mutex_lock(&self->mutex);
    for (size_t i = 0; i < RELAY_NOTES_MAX; i++)
        if (self->notes[i].text[0])
            figures->note(user, module, self->notes[i].name, self->notes[i].text);
    uv_mutex_unlock(&self->mutex);
}
