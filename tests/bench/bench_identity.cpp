// Identity resolution against a store of many profiles, rows written to the outbox. Prints conditions, calls a second,
// and the ratio to parsing the same calls with Boost.JSON alone in the same run.
//   bench_identity [profiles=1000000] [calls=300000] [directory]
#include "net/rt/time.hpp"
#include "sync/core/event_block.hpp"
#include "sync/core/keys.hpp"
#include "sync/identity/holder_cache.hpp"
#include "sync/identity/resolver.hpp"
#include "sync/store/store.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

namespace {

using namespace lakeferry;

constexpr std::uint32_t space = 1;
constexpr std::size_t calls_a_block = 100;

std::string line_of(const char* file, const char* starts_with)
{
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with(starts_with)) return line;
    }
    return "?";
}

struct world {
    explicit world(const std::string& directory)
    {
        auto opened = store::store::open({.directory = directory});
        if (opened.has_error()) {
            std::fprintf(stderr, "%s\n", opened.error().detail.c_str());
            std::exit(1);
        }
        in = std::move(*opened);
    }

    double seconds(rt::time_point since) const
    {
        return std::chrono::duration<double>(time.now() - since).count();
    }

    void accept(const std::vector<std::string>& calls)
    {
        core::event_block block{.sources = {"web"}};
        for (const auto& call : calls) block.calls.push_back({.text = call, .received_us = wall.now_us()});
        store::batch changes;
        changes.put(store::family::events, core::event_key(space, ++arrival), core::encode_event_block(block));
        if (in->write(std::move(changes), store::durable::no).has_error()) std::exit(1);
    }

    // Seconds until nothing waits.
    double resolve(identity::resolve_result& sum)
    {
        identity::resolver resolver(*in, {.space_id = "bench", .space = space}, wall, &cache);
        const auto start = time.now();
        for (;;) {
            auto done = resolver.step({});
            if (done.has_error()) {
                std::fprintf(stderr, "%s\n", done.error().detail.c_str());
                std::exit(1);
            }
            sum.calls += done->calls;
            sum.rows += done->rows;
            sum.profiles_created += done->profiles_created;
            if (!done->more) return seconds(start);
        }
    }

    void drop_outbox()
    {
        store::batch changes;
        changes.remove_range(store::family::outbox, core::key32(space), core::key32(space + 1));
        if (in->write(std::move(changes), store::durable::yes).has_error()) std::exit(1);
    }

    boost::asio::io_context loop{};
    rt::steady_time time{loop.get_executor()};
    rt::system_wall_clock wall{};
    std::unique_ptr<store::store> in{};
    std::uint64_t arrival = 0;
    identity::holder_cache cache{std::size_t{128} << 20U};  // as the daemon has it
};

std::string user(std::size_t n) { return "user-" + std::to_string(n * 7919); }
std::string anonymous(std::size_t n) { return "anon-" + std::to_string(n * 104729) + "-4f2c-9c1e-000000000000"; }

const char* const context =
    R"("context":{"library":{"name":"analytics.js","version":"4.11.1"},"ip":"203.0.113.17","locale":"de-DE","timezone":)"
    R"("Europe/Berlin","userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",)"
    R"("page":{"path":"/products/42","referrer":"https://shop.example/","search":"?q=shoes","title":"Shoes - Shop","url":)"
    R"("https://shop.example/products/42?q=shoes"},"campaign":{"name":"spring","source":"newsletter","medium":"email"}})";

std::string head(const char* type, std::size_t id, std::size_t profile)
{
    return std::string("{\"type\":\"") + type + "\",\"messageId\":\"ajs-next-" + std::to_string(id * 2654435761U) +
           "-6f1d2c3b\",\"anonymousId\":\"" + anonymous(profile) + "\",\"userId\":\"" + user(profile) +
           "\",\"timestamp\":\"2026-02-01T12:00:00.000Z\",\"sentAt\":\"2026-02-01T12:00:00.500Z\",";
}

std::string identify(std::size_t id, std::size_t profile)
{
    const auto n = std::to_string(profile);
    return head("identify", id, profile) + "\"traits\":{\"email\":\"user" + n + "@shop.example\",\"firstName\":\"Jo" + n +
           "\",\"plan\":\"free\",\"age\":" + std::to_string(profile % 90) + ",\"createdAt\":\"2025-01-01T00:00:00Z\"}," +
           context + "}";
}

std::string track(std::size_t id, std::size_t profile, std::size_t kind)
{
    static const char* const names[] = {"Product Viewed", "Product Added", "Cart Viewed", "Checkout Started",
                                        "Order Completed", "Search Performed", "Coupon Applied", "Product Shared"};
    return head("track", id, profile) + "\"event\":\"" + names[kind % 8] +
           "\",\"properties\":{\"product_id\":\"sku-" + std::to_string(kind) +
           "\",\"price\":19.99,\"quantity\":2,\"currency\":\"EUR\",\"categories\":[\"shoes\",\"sale\"],\"coupon\":null,"
           "\"position\":{\"list\":\"search\",\"index\":3}}," + context + "}";
}

std::string page(std::size_t id, std::size_t profile)
{
    return head("page", id, profile) +
           "\"name\":\"Product\",\"properties\":{\"path\":\"/products/42\",\"title\":\"Shoes - Shop\",\"url\":"
           "\"https://shop.example/products/42\"}," + context + "}";
}

void conditions(const world& w)
{
    std::printf("machine: %s, %s\n", line_of("/proc/cpuinfo", "model name").c_str(), line_of("/proc/meminfo", "MemTotal").c_str());
    std::printf("load: %s; build: %s; database on a real disk, block cache 32 MiB, identifier cache 128 MiB, two threads a step\n",
                line_of("/proc/loadavg", "").c_str(),
#ifdef NDEBUG
                "NDEBUG"
#else
                "no NDEBUG"
#endif
    );
    (void)w;
}

}  // namespace

int main(int argc, char** argv)
{
    const std::size_t profiles = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
    const std::size_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 300'000;
    const std::string directory =
        argc > 3 ? argv[3] : (std::filesystem::temp_directory_path() / "lakeferry_bench_identity").string();
    std::filesystem::remove_all(directory);
    world w(directory);
    conditions(w);

    std::size_t id = 0;
    std::vector<std::string> calls;
    double seeding = 0;
    identity::resolve_result seeded;
    for (std::size_t p = 0; p < profiles;) {
        for (std::size_t block = 0; block < 500 && p < profiles; ++block) {
            calls.clear();
            for (std::size_t i = 0; i < calls_a_block && p < profiles; ++i) calls.push_back(identify(++id, p++));
            w.accept(calls);
        }
        seeding += w.resolve(seeded);
        w.drop_outbox();
    }
    std::printf("seeding: %zu profiles created by identify, %.0f calls/s\n", static_cast<std::size_t>(seeded.profiles_created),
                static_cast<double>(seeded.calls) / seeding);

    std::mt19937_64 rng(1);
    std::vector<std::string> all;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t profile = rng() % profiles;
        const std::size_t kind = rng() % 100;
        all.push_back(kind < 70 ? track(++id, profile, rng() % 8) : kind < 90 ? page(++id, profile) : identify(++id, profile));
        bytes += all.back().size();
    }
    for (std::size_t i = 0; i < all.size(); i += calls_a_block)
        w.accept({all.begin() + static_cast<std::ptrdiff_t>(i),
                  all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), i + calls_a_block))});

    identity::resolve_result done;
    const double took = w.resolve(done);
    const auto start = w.time.now();
    std::size_t objects = 0;
    for (const auto& text : all) objects += boost::json::parse(text).is_object() ? 1 : 0;
    const double parsing = w.seconds(start);
    if (objects != all.size()) return 1;
    const double rate = static_cast<double>(done.calls) / took;
    const double parse_rate = static_cast<double>(objects) / parsing;
    std::printf("resolution: %zu calls of %zu bytes (70%% track, 20%% page, 10%% identify), profiles at random: %.0f calls/s, "
                "%zu rows\n",
                static_cast<std::size_t>(done.calls), bytes / count, rate, static_cast<std::size_t>(done.rows));
    std::printf("baseline: Boost.JSON parses the same calls on one thread: %.0f calls/s; ratio %.2f\n", parse_rate,
                rate / parse_rate);
    std::printf("peak memory: %s\n", line_of("/proc/self/status", "VmHWM").c_str());
    std::filesystem::remove_all(directory);
    return 0;
}
