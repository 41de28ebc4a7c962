#include "sync/intake/blocks.hpp"

#include <algorithm>

namespace lakeferry::intake {

void block_builder::add(const passed_call& call, std::string_view text)
{
    if (call.suppressed) {
        ++calls_;
        return;
    }
    auto at = std::find_if(open_.begin(), open_.end(), [&](const open_block& b) { return b.space == call.source->space; });
    if (at == open_.end()) {
        at = open_.emplace(open_.end());
        at->space = call.source->space;
    }
    auto& sources = at->block.sources;
    const auto source = std::find(sources.begin(), sources.end(), std::string_view(call.source->id));
    const auto index = static_cast<std::uint32_t>(source - sources.begin());
    if (source == sources.end()) sources.push_back(call.source->id);
    at->block.calls.push_back({text, index, call.received_us});
    at->bytes += text.size();
    ++calls_;
    if (at->block.calls.size() >= most_.calls || at->bytes >= most_.bytes) close(*at);
}

void block_builder::close(open_block& one)
{
    one.block.type = type_;
    one.block.envelope = envelope_;
    one.block.refill = refill_;
    done_.push_back({one.space, static_cast<std::uint32_t>(one.block.calls.size()), encode_event_block(one.block)});
    one.block.calls.clear();
    one.block.sources.clear();
    one.bytes = 0;
}

std::vector<piece> block_builder::take()
{
    for (auto& one : open_)
        if (!one.block.calls.empty()) close(one);
    open_.clear();
    calls_ = 0;
    return std::move(done_);
}

void shared_blocks::add(const single_call& call)
{
    const auto [at, fresh] = open_.try_emplace({call.space, call.type}, all_.size());
    const auto full = [&](const block& b) {
        return b.calls.calls() >= most_.calls || b.calls.text_bytes() >= most_.bytes;
    };
    if (!fresh && full(all_[at->second])) at->second = all_.size();
    if (at->second == all_.size()) all_.push_back({call.space, core::event_block_writer(core::to_string(call.type))});
    all_[at->second].calls.add(call.text, call.source, call.received_us);
}

}  // namespace lakeferry::intake
