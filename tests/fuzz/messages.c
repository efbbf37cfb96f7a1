/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every message decoder in every version. The first byte chooses both; the rest is the message.
 *
 * What a decoder takes must be encodable, decode to the same again, and ask for more at each cut.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tests/unit/transfork/any_message.h"
#include "transfork/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_cuts(const struct any_message *any, const uint8_t *data, size_t used)
{
    /* An update at the end of its stream may be complete with a field less; that is the point. */
    size_t first = any->kind == ANY_LAST_UPDATE || used > 256 ? used - 1 : 0;
    for (size_t cut = first; cut < used; cut++) {
        struct any_message less = {.kind = any->kind, .version = any->version};
        size_t taken;
        int error = any_decode(&less, data, cut, &taken);
        REQUIRE(error == MOQ_ERR_AGAIN || (error == 0 && any->kind == ANY_LAST_UPDATE));
    }
}

static void check_round_trip(struct any_message *any)
{
    static struct any_text before, after;
    struct any_message again = {.kind = any->kind, .version = any->version};
    struct byte_buf out;
    size_t used;

    byte_buf_init(&out, 2 * MESSAGE_MAX_BYTES);
    int error = any_encode(any, &out);
    bool is_mute = any->kind == ANY_ANNOUNCE && any->is.announce.status == ANNOUNCE_LIVE &&
                   !(version_row(any->version)->can & MOQ_CAN_LIVE);
    REQUIRE(error == (is_mute ? MOQ_ERR_INVALID : 0));
    if (!error) {
        REQUIRE(any_decode(&again, out.data, out.size, &used) == 0);
        REQUIRE(used == out.size);
        REQUIRE(strcmp(any_words(any, &before), any_words(&again, &after)) == 0);
        any_free(&again);
    }
    byte_buf_deinit(&out);
}

static void check_dialects(const uint8_t *data, size_t n)
{
    for (int kind = KIND_ANNOUNCE_PLEASE; kind <= KIND_FETCH; kind++) {
        enum message_dialect verdict = message_dialect((enum message_kind)kind, data, n);
        REQUIRE(verdict != DIALECT_WAIT || n < MESSAGE_MAX_BYTES);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const uint32_t versions[] = {MOQ_VERSION_02, MOQ_VERSION_03, MOQ_VERSION_04};
    if (n == 0)
        return 0;
    struct any_message any = {.kind = (enum any_kind)(data[0] % ANY_COUNT),
                              .version = versions[data[0] / ANY_COUNT % 3]};
    data++, n--;

    size_t used = n + 1;
    int error = any_decode(&any, data, n, &used);
    REQUIRE(error <= 0 && error != MOQ_ERR_NOMEM && error != MOQ_ERR_INVALID);
    REQUIRE(error != MOQ_ERR_AGAIN || n < MESSAGE_MAX_BYTES);
    check_dialects(data, n);
    if (error)
        return 0;
    REQUIRE(used > 0 && used <= n);
    check_cuts(&any, data, used);
    check_round_trip(&any);
    any_free(&any);
    return 0;
}
