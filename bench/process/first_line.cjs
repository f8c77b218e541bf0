// Says that it runs.

console.log('here');
