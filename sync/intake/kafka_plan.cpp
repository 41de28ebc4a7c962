#include "sync/intake/kafka_plan.hpp"

#include "sync/intake/batch_body.hpp"
#include "sync/intake/blocks.hpp"
#include "sync/intake/refusals.hpp"

#include <algorithm>
#include <iterator>

namespace lakeferry::intake {
namespace {

using core::refusal_reason;

// Blocks are what identity resolution takes at least at once: not too large.
constexpr block_bounds bounds{1000, std::size_t{1} << 20};

bool has_batch(std::string_view object)
{
    // Most messages are single calls: only those that might be something else are looked through.
    if (object.find("\"batch\"") == std::string_view::npos) return false;
    bool found = false;
    (void)core::split_object(object, [&](std::string_view key, std::string_view) {
        found = key == "batch";
        return !found;
    });
    return found;
}

class planner {
public:
    explicit planner(const kafka_plan_options& with) : with_(with)
    {
        options_.table = with.table;
        options_.only_space = with.space;
        options_.bytes_max = with.limits.call_bytes_max;
        options_.use_received_at = true;
    }

    void read(const kafka_message& message)
    {
        at_ = &message;
        const bool stamped = message.timestamp_ms > 0 && message.timestamp_ms < with_.now_us / 1000;
        options_.now_us = stamped ? message.timestamp_ms * 1000 : with_.now_us;
        options_.envelope = {};
        options_.fallback = with_.fallback;
        ++out_.messages;
        if (!message.value) return refuse(refusal_reason::bad_request, "", "the message has no value (a tombstone)");
        const std::string_view text = core::trim_json_space(*message.value);
        if (text.size() > with_.limits.batch_bytes_max)
            return refuse(refusal_reason::too_large, "",
                          "the message has " + std::to_string(text.size()) + " bytes: send at most " +
                              std::to_string(with_.limits.batch_bytes_max));
        if (message.write_key && !use_key(*message.write_key, "header writeKey")) return;
        if (!text.empty() && text.front() == '[') return read_items(text, "");
        if (!text.empty() && text.front() == '{' && has_batch(text)) return read_batch(text);
        read_one(text);
    }

    kafka_plan take()
    {
        flush();
        return std::move(out_);
    }

private:
    struct passed {
        passed_call call{};
        std::string_view text{};
    };

    bool use_key(std::string_view key, const char* field)
    {
        const source_entry* found = with_.table->find(key);
        if (found && found->space == with_.space) {
            options_.fallback = found;
            return true;
        }
        refuse(refusal_reason::unknown_source, field,
               found ? "the write key belongs to a source of another space"
                     : "no source has this write key: compare it with the space's configuration");
        return false;
    }

    void read_one(std::string_view text)
    {
        auto checked = checker_.check(text, options_);
        if (auto* no = std::get_if<refused_text>(&checked)) return note(std::move(*no), text, where());
        plain_.add(std::get<passed_call>(checked), text);
        ++out_.calls;
    }

    void read_batch(std::string_view text)
    {
        auto read = read_batch_body(text, envelope_reader_);
        if (auto* no = std::get_if<batch_refusal>(&read))
            return refuse(refusal_reason::bad_request, no->field, std::move(no->message));
        const auto& batch = std::get<batch_body>(read);
        if (batch.write_key) {
            const auto* key = batch.write_key->if_string();
            if (!use_key(key ? std::string_view(key->data(), key->size()) : std::string_view(), "writeKey")) return;
        }
        options_.envelope = batch.envelope;
        read_items(batch.items, batch.stored_envelope);
    }

    // All good ones, unless the items cannot be told apart or are too many: then none.
    void read_items(std::string_view items, std::string_view envelope)
    {
        std::vector<passed> good;
        std::vector<kafka_refused> bad;
        std::size_t index = 0;
        const auto broken = core::split_array(items, [&](std::string_view item) {
            if (index == with_.limits.batch_calls_max) return ++index, false;
            auto checked = checker_.check(item, options_);
            if (const auto* call = std::get_if<passed_call>(&checked))
                good.push_back({*call, item});
            else
                bad.push_back(refused(std::move(std::get<refused_text>(checked)), item,
                                      where() + ", item " + std::to_string(index)));
            ++index;
            return true;
        });
        if (broken)
            return refuse(refusal_reason::bad_request, "",
                          "not valid JSON: the calls cannot be told apart, seen after item " + std::to_string(index) +
                              " at byte " + std::to_string(*broken) + " of the array; nothing of the message was kept");
        if (index > with_.limits.batch_calls_max)
            return refuse(refusal_reason::too_large, "",
                          "the message has more than " + std::to_string(with_.limits.batch_calls_max) +
                              " calls: send them in parts; nothing of it was kept");
        if (index == 0) return refuse(refusal_reason::bad_request, "", "the message has no calls");
        std::move(bad.begin(), bad.end(), std::back_inserter(out_.refused));
        out_.calls += good.size();
        if (envelope.empty()) {
            for (const auto& one : good) plain_.add(one.call, one.text);
            return;
        }
        // A block has one envelope; what came before goes first.
        flush();
        block_builder blocks("", bounds);
        blocks.set_envelope(envelope);
        for (const auto& one : good) blocks.add(one.call, one.text);
        append(blocks.take());
    }

    void append(std::vector<piece> more) { std::move(more.begin(), more.end(), std::back_inserter(out_.pieces)); }
    void flush() { append(plain_.take()); }

    std::string where() const
    {
        return "topic " + with_.topic + ", partition " + std::to_string(at_->partition) + ", offset " +
               std::to_string(at_->offset);
    }
    kafka_refused refused(refused_text why, std::string_view text, std::string where_at) const
    {
        return {std::move(why), options_.now_us, std::move(where_at),
                std::string(text.substr(0, refused_text_bytes_max))};
    }
    void note(refused_text why, std::string_view text, std::string where_at)
    {
        out_.refused.push_back(refused(std::move(why), text, std::move(where_at)));
    }
    void refuse(refusal_reason reason, std::string field, std::string message)
    {
        note({{reason, std::move(field), std::move(message)}, options_.fallback},
             at_->value ? std::string_view(*at_->value) : std::string_view(), where());
    }

    const kafka_plan_options& with_;
    const kafka_message* at_ = nullptr;
    check_options options_{};
    call_checker checker_{};
    core::json_reader envelope_reader_{std::size_t{16} << 10};
    block_builder plain_{"", bounds};
    kafka_plan out_{};
};

}  // namespace

kafka_plan plan_messages(const std::vector<kafka_message>& messages,
                         const kafka_offsets& from,
                         const kafka_plan_options& with)
{
    planner reader(with);
    kafka_offsets next = from;
    kafka_offsets after;
    for (const auto& message : messages) {
        const auto at = next.find(message.partition);
        if (at == next.end() || message.offset < at->second) continue;
        reader.read(message);
        at->second = message.offset + 1;
        after[message.partition] = message.offset + 1;
    }
    kafka_plan out = reader.take();
    out.after = std::move(after);
    return out;
}

}  // namespace lakeferry::intake
