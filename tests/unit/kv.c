#include "base/kv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_kv_set(void **state)
{
	(void)state;
	struct kv kv = KV_INIT;
	char value[] = "all";
	assert_null(kv_get(&kv, "acks"));
	assert_true(kv_set(&kv, "acks", value, KV_FILE, "batch.conf:3", false));
	value[0] = 'x';
	assert_string_equal(kv_get(&kv, "acks"), "all");
	assert_null(kv_get(&kv, "Acks"));
	const struct kv_entry *e = kv_find(&kv, "acks");
	assert_string_equal(e->where, "batch.conf:3");
	assert_int_equal(e->origin, KV_FILE);
	assert_false(e->secret);
	kv_release(&kv);
	assert_int_equal(kv_count(&kv), 0);
}

static void test_kv_set_origins(void **state)
{
	(void)state;
	for (int old = KV_FILE; old <= KV_FLAG; old++) {
		for (int new = KV_FILE; new <= KV_FLAG; new++) {
			struct kv kv = KV_INIT;
			kv_set(&kv, "n", "old", (enum kv_origin)old, "there", false);
			bool done = kv_set(&kv, "n", "new", (enum kv_origin)new, "here", false);
			assert_int_equal(done, new >= old);
			assert_string_equal(kv_get(&kv, "n"), done ? "new" : "old");
			assert_string_equal(kv_at(&kv, 0)->where, done ? "here" : "there");
			assert_int_equal(kv_count(&kv), 1);
			kv_release(&kv);
		}
	}
}

static void test_kv_order(void **state)
{
	(void)state;
	struct kv kv = KV_INIT;
	struct buf names = BUF_INIT;
	static const char *const order[] = {"c", "a", "d", "b"};
	for (size_t i = 0; i < 4; i++)
		kv_set(&kv, order[i], "1", KV_FILE, "f", false);
	kv_set(&kv, "a", "2", KV_FLAG, "-a", false);
	kv_set(&kv, "a", kv_get(&kv, "a"), KV_FLAG, "-a", false);
	for (size_t i = 0; i < kv_count(&kv); i++)
		buf_puts(&names, kv_at(&kv, i)->name);
	assert_string_equal(buf_text(&names), "cadb");
	assert_string_equal(kv_get(&kv, "a"), "2");
	buf_release(&names);
	kv_release(&kv);
}

static void test_kv_print_redacted(void **state)
{
	(void)state;
	struct kv kv = KV_INIT;
	struct buf out = BUF_INIT;
	kv_set(&kv, "sasl.username", "u", KV_FILE, "f:1", false);
	kv_set(&kv, "sasl.password", "hunter2", KV_ENV, "BATCH_SASL_PASSWORD", true);
	kv_set(&kv, "sasl.password", "hunter3", KV_FLAG, "flag", false);
	kv_set(&kv, "token", "hunter4", KV_FLAG, "flag", false);
	kv_set(&kv, "token", "hunter5", KV_FILE, "f:2", true);
	kv_set(&kv, "pem", "a\nb\033", KV_FILE, "f:3", false);
	kv_print_redacted(&kv, &out);
	assert_string_equal(buf_text(&out), "sasl.username=u\nsasl.password=(hidden)\n"
					    "token=(hidden)\npem=a\\x0ab\\x1b\n");
	buf_release(&out);
	kv_release(&kv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kv_set),
	    cmocka_unit_test(test_kv_set_origins),
	    cmocka_unit_test(test_kv_order),
	    cmocka_unit_test(test_kv_print_redacted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
