// The whole intake on a virtual clock: a store on a disk that forgets, a network in memory, the real HTTP server.
#pragma once

#include "net/http/server.hpp"
#include "net/rt/task_group.hpp"
#include "sync/core/event_block.hpp"
#include "sync/core/keys.hpp"
#include "sync/core/json.hpp"
#include "sync/intake/acceptor.hpp"
#include "sync/intake/importer.hpp"
#include "sync/intake/refusals.hpp"
#include "sync/intake/service.hpp"
#include "sync/intake/sources.hpp"
#include "tests/support/fake_disk/fake_disk.hpp"
#include "tests/support/fake_net/fake_net.hpp"
#include "tests/support/world/world.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::test {

// Forwards to a real store; counts, and fails or lies on request.
class watching_store final : public lakeferry::store::store {
public:
    explicit watching_store(std::unique_ptr<lakeferry::store::store> inner) : inner_(std::move(inner)) {}

    rt::outcome<void> write(lakeferry::store::batch changes, lakeferry::store::durable when) override
    {
        ++writes;
        if (when == lakeferry::store::durable::yes) ++durable_writes;
        if (fail_with) return *fail_with;
        return inner_->write(std::move(changes), when);
    }
    rt::outcome<std::optional<std::string>> get(lakeferry::store::family where, std::string_view key) override
    {
        return inner_->get(where, key);
    }
    rt::outcome<std::vector<std::optional<std::string>>> multi_get(lakeferry::store::family where,
                                                                   std::span<const std::string> keys) override
    {
        return inner_->multi_get(where, keys);
    }
    rt::outcome<void> scan(lakeferry::store::family where, std::string_view from, std::string_view to,
                           const visitor& visit) override
    {
        return inner_->scan(where, from, to, visit);
    }
    rt::outcome<std::optional<std::pair<std::string, std::string>>> last(lakeferry::store::family where,
                                                                        std::string_view from,
                                                                        std::string_view to) override
    {
        return inner_->last(where, from, to);
    }
    std::uint64_t approximate_bytes(lakeferry::store::family where, std::string_view from, std::string_view to) override
    {
        return pretended_bytes ? *pretended_bytes / 2 : inner_->approximate_bytes(where, from, to);
    }
    std::optional<std::uint64_t> free_bytes() override { return pretended_free ? pretended_free : inner_->free_bytes(); }
    rt::outcome<void> compact(lakeferry::store::family where, std::string_view from, std::string_view to) override
    {
        return inner_->compact(where, from, to);
    }
    rt::outcome<void> reclaim() override { return inner_->reclaim(); }

    int writes = 0;
    int durable_writes = 0;
    std::optional<rt::failure> fail_with{};
    std::optional<std::uint64_t> pretended_bytes{};  // events and outbox together
    std::optional<std::uint64_t> pretended_free{};   // on the disk

private:
    std::unique_ptr<lakeferry::store::store> inner_;
};

inline rt::failure failure_of(const char* id)
{
    rt::failure out;
    out.retry = rt::retry_class::transient;
    out.id = id;
    out.detail = "made by a test";
    return out;
}

inline core::space_config example_space(std::string id, const std::string& prefix)
{
    core::space_config out;
    out.id = std::move(id);
    const auto source = [&](const char* name, bool enabled) {
        core::source_settings one;
        one.name = name;
        one.id = std::string("src-") + name;
        one.write_key = prefix + name;
        one.enabled = enabled;
        out.sources.push_back(one);
    };
    source("web", true);
    source("app", true);
    source("old", false);
    return out;
}

// Space 1 "acme" with keys k-web, k-app, k-old (disabled); space 2 "beta" with keys b-web, b-app, b-old.
struct intake_world : world {
    fake_disk disk{};
    std::unique_ptr<watching_store> db = open_store();
    intake::sources sources{};
    std::vector<std::uint32_t> woken{};
    std::optional<intake::acceptor> acceptor{};
    std::optional<intake::refusals> refusals{};
    std::optional<intake::intake_service> service{};
    std::optional<intake::importer> importer{};
    core::limits limits;
    fake_net net{*this};
    std::unique_ptr<http::listener> listening = *net.listen("intake:80", {});
    std::optional<rt::task_group> tasks{};

    explicit intake_world(core::limits most = {}, intake::acceptor_settings settings = {}) : limits(most)
    {
        start(settings);
    }
    ~intake_world() { stop(); }
    intake_world(const intake_world&) = delete;
    intake_world& operator=(const intake_world&) = delete;

    void start(intake::acceptor_settings settings = {})
    {
        acceptor.emplace(executor(), executor(), time, *db, metrics, log, settings,
                         [this](std::uint32_t space) { woken.push_back(space); });
        refusals.emplace(metrics, 5, [this] { acceptor->nudge(); });
        acceptor->set_companion([this](store::batch& to) { refusals->fill(to); });
        service.emplace(sources, *acceptor, *refusals, time, wall, log, limits);
        importer.emplace(executor(), *db, sources, *acceptor, *refusals, wall, limits);
        const auto acme = example_space("acme", "k-");
        const auto beta = example_space("beta", "b-");
        sources.swap(*intake::source_table::make({{1, &acme}, {2, &beta}}));
        for (const auto& [number, id] : {std::pair<std::uint32_t, std::string>{1, "acme"}, {2, "beta"}}) {
            EXPECT_TRUE(get(acceptor->add_space(number, id)).has_value());
            refusals->add_space(number, id, *intake::find_last_sequence(*db, number));
        }
        tasks.emplace(executor(), nullptr);
        tasks->spawn("committer", acceptor->run());
        if (listening) tasks->spawn("server", http::serve(time, *listening, *service, {}));
    }
    void stop()
    {
        if (!tasks) return;
        tasks->cancel();
        run(tasks->join());
        tasks.reset();
    }
    // Power fails: what was not synced is gone. The listener stays closed.
    void restart()
    {
        stop();
        listening.reset();
        disk.crash();
        importer.reset();
        service.reset();
        refusals.reset();
        acceptor.reset();
        db.reset();
        db = open_store();
        start();
    }

    // As a client would send it, past the socket: admit, body limit, handle.
    http::response post(std::string target, std::string body, http::headers fields)
    {
        return get([](intake_world& w, http::request what) -> rt::awaitable<http::response> {
            co_return co_await w.exchange(std::move(what));
        }(*this, {"POST", std::move(target), std::move(fields), std::move(body)}));
    }
    http::response post(std::string target, std::string body, std::string_view basic = "k-web:")
    {
        return post(std::move(target), std::move(body), json_fields(basic));
    }
    rt::awaitable<http::response> exchange(http::request what)
    {
        http::request_head head{what.method, what.target, &what.fields, what.body.size()};
        if (auto no = service->admit(head)) co_return std::move(*no);
        const auto limit = service->body_limit(head);
        if (what.body.size() > limit) co_return service->refuse_large(head, limit);
        what.fields.set("Content-Length", std::to_string(what.body.size()));
        co_return co_await service->handle(std::move(what));
    }

    static http::headers json_fields(std::string_view basic)
    {
        http::headers out{{"Content-Type", "application/json"}};
        if (!basic.empty()) out.add("Authorization", "Basic " + base64(basic));
        return out;
    }
    static std::string base64(std::string_view text)
    {
        static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        std::string out;
        for (std::size_t i = 0; i < text.size(); i += 3) {
            unsigned v = 0;
            for (std::size_t j = 0; j < 3; ++j)
                v = (v << 8U) | (i + j < text.size() ? static_cast<unsigned char>(text[i + j]) : 0U);
            for (std::size_t j = 0; j < 4; ++j)
                out.push_back(i + j > text.size() ? '=' : letters[(v >> (18 - 6 * j)) & 63U]);
        }
        return out;
    }

    struct stored_block {
        std::uint64_t arrival = 0;
        std::string type{};
        std::string envelope{};
        std::vector<std::string> sources{};  // a call's
        std::vector<std::string> texts{};
        std::vector<std::int64_t> received_us{};
    };
    std::vector<stored_block> blocks(std::uint32_t space = 1)
    {
        std::vector<stored_block> out;
        const auto visit = [&](std::string_view key, std::string_view value) {
            const auto block = core::decode_event_block(value);
            EXPECT_TRUE(block.has_value());
            stored_block one;
            one.arrival = core::read_be64(key, 4);
            one.type = block->type;
            one.envelope = block->envelope;
            for (const auto& call : block->calls) {
                one.texts.emplace_back(call.text);
                one.sources.emplace_back(block->sources[call.source]);
                one.received_us.push_back(call.received_us);
            }
            out.push_back(std::move(one));
            return true;
        };
        EXPECT_TRUE(db->scan(store::family::events, core::key32(space), core::key32(space + 1), visit).has_value());
        return out;
    }
    std::size_t calls(std::uint32_t space = 1)
    {
        std::size_t n = 0;
        for (const auto& block : blocks(space)) n += block.texts.size();
        return n;
    }
    double refused(const std::string& reason, const std::string& space = "acme") const
    {
        return metrics.value("lakeferry_intake_refused_total", {{"space", space}, {"reason", reason}});
    }

private:
    std::unique_ptr<watching_store> open_store()
    {
        auto opened = store::store::open({.directory = "/state", .env = disk.env()});
        if (opened.has_error()) {
            ADD_FAILURE() << opened.error().detail;
            return nullptr;
        }
        return std::make_unique<watching_store>(std::move(*opened));
    }
};

// A page call of user number n.
inline std::string page(int n) { return R"({"userId":"u)" + std::to_string(n) + "\"}"; }

// A text field of a JSON answer; "-" if it is not there.
inline std::string field_of(const http::response& answer, const char* name)
{
    boost::json::error_code ec;
    const auto body = boost::json::parse(answer.body, ec);
    if (ec || !body.is_object()) return "not JSON: " + answer.body;
    const auto* v = body.get_object().if_contains(name);
    if (!v) return "-";
    return v->is_string() ? std::string(v->get_string().c_str()) : core::compact(*v);
}

}  // namespace lakeferry::test
