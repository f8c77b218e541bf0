import { expect, test } from '@playwright/test'

test('prices', async ({ request }) => {
  const answer = await request.get('https://api.example.org/prices')
  expect(answer.ok()).toBeTruthy()
})
