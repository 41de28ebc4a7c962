#include "sync/profiles/load_journal.hpp"

#include "sync/core/keys.hpp"
#include "sync/core/outbox_block.hpp"
#include "sync/core/space_state.hpp"
#include "sync/profiles/record_fields.hpp"
#include "sync/profiles/wide_traits.hpp"

#include <algorithm>

namespace lakeferry::profiles {

namespace json = boost::json;

namespace {

json::object encode_part(const load_part& p)
{
    return {{"sql", p.sql}, {"first_row", p.first_row}, {"rows", p.rows}};
}

load decode(const json::object& o)
{
    load l;
    l.number = number_of(o, "number");
    l.table = text_of(o, "table");
    l.kind = o.at("keyed").as_bool() ? core::table_kind::keyed : core::table_kind::append;
    l.target = text_of(o, "target");
    l.first_batch = number_of(o, "first_batch");
    l.last_batch = number_of(o, "last_batch");
    l.rows = number_of(o, "rows");
    l.rescued = number_of(o, "rescued");
    l.bytes = number_of(o, "bytes");
    l.files = texts_of(o, "files");
    for (const auto& p : o.at("parts").as_array()) {
        const auto& part = p.as_object();
        l.parts.push_back({text_of(part, "sql"), number_of(part, "first_row"), number_of(part, "rows")});
    }
    l.probe_key = text_of(o, "probe_key");
    l.probe_at = text_of(o, "probe_at");
    l.state = o.at("landed").as_bool() ? load_state::landed : load_state::staged;
    l.part = number_of(o, "part");
    l.sends = o.at("sends").to_number<unsigned>();
    l.sent_us = signed_of(o, "sent_us");
    l.statement_id = text_of(o, "statement_id");
    if (o.contains("log_upto")) {
        l.log_upto = number_of(o, "log_upto");
        l.log_load = number_of(o, "log_load");
    }
    if (const auto* fill = o.if_contains("fill")) l.fill = fill->as_bool();
    if (const auto* stuck = o.if_contains("stuck")) {
        const auto& s = stuck->as_object();
        l.stuck = count_mismatch{number_of(s, "staged"), signed_of(s, "reported"), text_of(s, "statement"),
                                 signed_of(s, "at_us")};
    }
    l.fenced = o.at("fenced").as_bool();
    l.cleaned = o.at("cleaned").as_bool();
    return l;
}

}  // namespace

std::string encode_load(const load& l)
{
    json::array files(l.files.begin(), l.files.end());
    json::array parts;
    for (const auto& p : l.parts) parts.push_back(encode_part(p));
    json::object o{{"number", l.number},
                   {"table", l.table},
                   {"keyed", l.kind == core::table_kind::keyed},
                   {"target", l.target},
                   {"first_batch", l.first_batch},
                   {"last_batch", l.last_batch},
                   {"rows", l.rows},
                   {"rescued", l.rescued},
                   {"bytes", l.bytes},
                   {"files", std::move(files)},
                   {"parts", std::move(parts)},
                   {"probe_key", l.probe_key},
                   {"probe_at", l.probe_at},
                   {"landed", l.state == load_state::landed},
                   {"part", l.part},
                   {"sends", l.sends},
                   {"sent_us", l.sent_us},
                   {"statement_id", l.statement_id},
                   {"fenced", l.fenced},
                   {"cleaned", l.cleaned}};
    if (l.log_upto != 0) {
        o["log_upto"] = l.log_upto;
        o["log_load"] = l.log_load;
    }
    if (l.fill) o["fill"] = true;
    if (l.stuck)
        o["stuck"] = {{"staged", l.stuck->staged},
                      {"reported", l.stuck->reported},
                      {"statement", l.stuck->statement},
                      {"at_us", l.stuck->at_us}};
    return json::serialize(o);
}

rt::outcome<load> decode_load(std::string_view stored)
{
    const rt::failure damaged{rt::retry_class::never, "loads.damaged",
                              "a record of the load journal cannot be read: restore the state directory"};
    return read_record(stored, damaged, decode);
}

std::string load_journal::key(std::uint64_t number) const { return core::key32_64(space_, number); }

rt::outcome<std::vector<load>> load_journal::all()
{
    std::vector<load> out;
    rt::outcome<void> bad = boost::system::in_place_value;
    const std::string from = core::key32(space_);
    auto done = store_.scan(store::family::loads, from, core::prefix_end(from),
                            [&](std::string_view, std::string_view value) {
                                auto one = decode_load(value);
                                if (one.has_error()) {
                                    bad = one.error();
                                    return false;
                                }
                                out.push_back(std::move(*one));
                                return true;
                            });
    if (done.has_error()) return done.error();
    if (bad.has_error()) return bad.error();
    return out;
}

rt::outcome<std::uint64_t> load_journal::last_number()
{
    auto stored = store_.get(store::family::meta, core::space_meta_key(space_, "fence"));
    if (stored.has_error()) return stored.error();
    if (!stored->has_value() || (**stored).size() != 8) return std::uint64_t{0};
    return core::read_be64(**stored);
}

rt::outcome<void> load_journal::save(const load& l, store::durable when)
{
    auto last = last_number();
    if (last.has_error()) return last.error();
    store::batch changes;
    changes.put(store::family::loads, key(l.number), encode_load(l));
    if (l.number > *last) {
        std::string counter;
        core::append_be64(counter, l.number);
        changes.put(store::family::meta, core::space_meta_key(space_, "fence"), counter);
    }
    return store_.write(std::move(changes), when);
}

rt::outcome<void> load_journal::land(load& l, std::uint32_t table_number)
{
    load landed = l;
    landed.state = load_state::landed;
    landed.parts.clear();
    landed.statement_id.clear();
    landed.fenced = landed.kind == core::table_kind::append;
    landed.cleaned = landed.files.empty();
    store::batch changes;
    if (l.log_upto != 0) {
        auto now = read_wide_progress(store_, space_);
        if (now.has_error()) return now.error();
        note_wide_landed(changes, space_, l, *now);
    } else {
        changes.remove_range(store::family::outbox, core::outbox_key(space_, table_number, l.first_batch),
                             core::outbox_key(space_, table_number, l.last_batch + 1));
    }
    if (is_wide_log(l.table)) {
        if (l.fill)
            note_log_filled(changes, space_, l.number);
        else
            note_log_landed(changes, space_, l.number);
    }
    if (landed.fenced && landed.cleaned)
        changes.remove(store::family::loads, key(l.number));
    else
        changes.put(store::family::loads, key(l.number), encode_load(landed));
    auto written = store_.write(std::move(changes), store::durable::yes);
    if (written.has_value()) l = std::move(landed);
    return written;
}

rt::outcome<void> load_journal::send_anew(const load& l, std::uint32_t table_number)
{
    load given_up = l;
    given_up.state = load_state::landed;  // of its rows nothing is left here; its files still owe their deletion
    given_up.rows = 0;
    given_up.parts.clear();
    given_up.statement_id.clear();
    given_up.stuck.reset();
    given_up.fenced = true;
    given_up.cleaned = l.files.empty();
    store::batch changes;
    std::uint64_t moved = 0;
    const auto from = core::outbox_key(space_, table_number, l.first_batch);
    const auto to = core::outbox_key(space_, table_number, l.last_batch + 1);
    auto scanned = store_.scan(store::family::outbox, from, to, [&](std::string_view key, std::string_view value) {
        ++moved;
        changes.put(store::family::outbox,
                    core::outbox_key(space_, table_number | core::fill_lane, core::read_be64(key, 8)), value);
        return true;
    });
    if (scanned.has_error()) return scanned.error();
    if (moved != 0) changes.remove_range(store::family::outbox, from, to);
    if (given_up.cleaned)
        changes.remove(store::family::loads, key(l.number));
    else
        changes.put(store::family::loads, key(l.number), encode_load(given_up));
    return store_.write(std::move(changes), store::durable::yes);
}

rt::outcome<void> load_journal::forget(const load& l)
{
    store::batch changes;
    changes.remove(store::family::loads, key(l.number));
    return store_.write(std::move(changes), store::durable::no);
}

}  // namespace lakeferry::profiles
